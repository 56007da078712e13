"""The table of kept answers. A row is seen by its user in its tenant, and by nobody else of the tenant."""

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
    sa.Column("answer", sa.LargeBinary, nullable=False, info=SECRET),
    sa.Column("expires_at", timestamp(), nullable=False),
    sa.Index("ix_idempotency_keys_expires_at", "expires_at"),
)
"""`key` and `fingerprint` are digests; `answer` is the command's result as JSON."""
