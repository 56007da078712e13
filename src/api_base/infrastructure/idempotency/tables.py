"""The table of stored results. Only its user, in its tenant, can read a row."""

from typing import Final

import sqlalchemy as sa

from api_base.infrastructure.db.schema import SECRET, tenant_owned, text, timestamp

METADATA: Final = sa.MetaData()

IDEMPOTENCY_KEYS: Final = tenant_owned(
    "idempotency_keys",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("route", text(), primary_key=True),
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("result", sa.LargeBinary, nullable=False, info=SECRET),
    sa.Column("expires_at", timestamp(), nullable=False),
    sa.Index("ix_idempotency_keys_expires_at", "expires_at"),
)
"""`key` and `fingerprint` are digests; `result` is the result of the command as JSON."""
