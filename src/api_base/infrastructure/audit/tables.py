"""Tables of the audit trail. The role `app` may insert and read records; no login role may change or delete any of them.

`audit` holds the records in monthly partitions. `audit_seals` holds the links of the chains, `audit_checkpoints` the start of chains whose
older part has expired; the worker writes both.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api_base.infrastructure.db.schema import Xid8, system_owned, tenant_owned, text, timestamp

METADATA: Final = sa.MetaData()

APPEND_ONLY: Final = ("SELECT", "INSERT")


AUDIT: Final = tenant_owned(
    "audit",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("at", timestamp(), primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("actor_id", sa.Uuid),
    sa.Column("request_id", text(), nullable=False),
    sa.Column("trace_id", text(), nullable=False),
    sa.Column("address", text(), nullable=False),
    sa.Column("action", text(), nullable=False),
    sa.Column("entity", text(), nullable=False),
    sa.Column("entity_id", sa.Uuid),
    sa.Column("before", JSONB),
    sa.Column("after", JSONB),
    sa.Column("transaction_id", Xid8, nullable=False, server_default=sa.text("pg_current_xact_id()")),
    sa.Column("sequence", sa.BigInteger, nullable=False, server_default=sa.text("nextval('audit_sequence')")),
    privileges=APPEND_ONLY,
)
"""Records are sealed in the order of (`transaction_id`, `sequence`), which PostgreSQL fills in and no role may insert."""

AUDIT_SEALS: Final = system_owned(
    "audit_seals",
    METADATA,
    sa.Column("chain", sa.Uuid, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("transaction_id", sa.BigInteger, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("at", timestamp(), nullable=False),
    sa.Column("ids", ARRAY(sa.Uuid), nullable=False),
    sa.Column("times", ARRAY(timestamp()), nullable=False),
    sa.Column("digests", ARRAY(sa.LargeBinary), nullable=False),
    sa.Column("previous", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    privileges=APPEND_ONLY,
)
"""See `Seal`."""

AUDIT_CHECKPOINTS: Final = system_owned(
    "audit_checkpoints",
    METADATA,
    sa.Column("chain", sa.Uuid, primary_key=True),
    sa.Column("expired_before", timestamp(), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("transaction_id", sa.BigInteger, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("at", timestamp(), nullable=False),
    sa.Column("kid", text(), nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
    privileges=APPEND_ONLY,
)
"""See `SignedHead`."""
