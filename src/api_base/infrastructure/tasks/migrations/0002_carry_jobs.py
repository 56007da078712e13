"""What was handed to a broker: for which attempt, and when. Null without one."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db.schema import timestamp

revision = "tasks_0002"
down_revision = "tasks_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("dispatched_attempt", sa.SmallInteger))
    op.add_column("jobs", sa.Column("dispatched_at", timestamp()))


def downgrade() -> None:
    op.drop_column("jobs", "dispatched_at")
    op.drop_column("jobs", "dispatched_attempt")
