"""Let no role insert the order of audit records: the role `app` may insert every column but those that PostgreSQL fills in."""

from alembic import op

from api_base.infrastructure.db import ddl

revision = "audit_002"
down_revision = "audit_001"
branch_labels = None
depends_on = ("base_001",)

INSERTED = "tenant_id, at, id, actor_id, request_id, trace_id, address, action, entity, entity_id, before, after"


def upgrade() -> None:
    op.execute(f"revoke insert on audit from {ddl.quoted(ddl.roles().app)}")
    ddl.grant("audit", app=(f"insert ({INSERTED})",))


def downgrade() -> None:
    op.execute(f"revoke insert ({INSERTED}) on audit from {ddl.quoted(ddl.roles().app)}")
    ddl.grant("audit", app=("insert",))
