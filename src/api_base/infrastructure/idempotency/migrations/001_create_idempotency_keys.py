"""Create stored results, each visible to its user in its tenant only. The worker deletes expired rows and cannot read results."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import Ownership, text, timestamp

revision = "idempotency_001"
down_revision = None
branch_labels = ("idempotency",)
depends_on = ("base_001",)


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("route", text(), nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("result", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "route", "key", name="idempotency_keys_pkey"),
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])
    ddl.force("idempotency_keys")
    mine = f"tenant_id = {ddl.current_owner(Ownership.TENANT)} and user_id = {ddl.current_owner(Ownership.USER)}"
    ddl.policy("idempotency_keys", "idempotency_keys_app", to=ddl.roles().app, using=mine, check=mine)
    ddl.worker_policy("idempotency_keys")
    ddl.grant("idempotency_keys", app=("select", "insert", "update"), worker=("delete",))
    columns = "tenant_id, user_id, route, key, expires_at"
    op.execute(f"grant select ({columns}) on idempotency_keys to {ddl.quoted(ddl.roles().worker)}")


def downgrade() -> None:
    op.drop_table("idempotency_keys")
