"""Let a tenant have public pages, and let anybody find such a tenant by its slug. No tenant has them until somebody allows them."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import TENANT_SLUG

revision = "tenants_003"
down_revision = "tenants_002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tenants", sa.Column("public_pages", sa.Boolean, nullable=False, server_default=sa.false()))
    named = f"coalesce(public_pages and slug = nullif(current_setting('{TENANT_SLUG}', true), ''), false)"
    ddl.policy("tenants", "tenants_app_by_slug", to=ddl.roles().app, command="select", using=named)


def downgrade() -> None:
    op.execute("drop policy tenants_app_by_slug on tenants")
    op.drop_column("tenants", "public_pages")
