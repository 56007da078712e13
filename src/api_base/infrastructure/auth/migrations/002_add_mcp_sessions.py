"""Sessions of MCP clients: the scope of their token, and the name that the user gave it."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db.schema import text

revision = "auth_002"
down_revision = "auth_001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("scope", "name"):  # the defaults stay: processes of the version before insert sessions without these columns
        op.add_column("sessions", sa.Column(name, text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.execute("delete from sessions where scope <> ''")
    op.drop_column("sessions", "name")
    op.drop_column("sessions", "scope")
