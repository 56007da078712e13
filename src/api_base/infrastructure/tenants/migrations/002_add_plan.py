"""Add the plan of a tenant; a change notifies every process. Processes of the last release insert tenants without it: it has a default."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text

revision = "tenants_002"
down_revision = "tenants_001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tenants", sa.Column("plan", text(), nullable=False, server_default="standard"))
    ddl.notify_access("tenants", "id", watched=("plan",))


def downgrade() -> None:
    op.execute("drop trigger tenants_access on tenants")
    op.drop_column("tenants", "plan")
