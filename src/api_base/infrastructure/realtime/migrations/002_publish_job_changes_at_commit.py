"""Give the change of a job its offset at the commit: a long transaction of a job no longer locks its channel for others."""

from alembic import op

revision = "realtime_002"
down_revision = "realtime_001"
branch_labels = None
depends_on = None

CHANGED = "when (old.state is distinct from new.state or old.progress is distinct from new.progress) execute function publish_job_change()"


def upgrade() -> None:
    op.execute("drop trigger jobs_channel on jobs")
    op.execute(f"create constraint trigger jobs_channel after update on jobs deferrable initially deferred for each row {CHANGED}")


def downgrade() -> None:
    op.execute("drop trigger jobs_channel on jobs")
    op.execute(f"create trigger jobs_channel after update on jobs for each row {CHANGED}")
