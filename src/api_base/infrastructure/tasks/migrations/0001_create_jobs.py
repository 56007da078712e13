"""Jobs, each for its tenant alone, and how far schedules have fired. The worker takes, settles and clears away."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text, timestamp

revision = "tasks_0001"
down_revision = None
branch_labels = ("tasks",)
depends_on = ("base_0001",)

SETTLED = "state, result, error, refusal, progress, finished_at, expires_at, leased_until"
"""What a unit of work writes of the job that it carries out, and who cancels one."""


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("state", text(), nullable=False),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        sa.Column("due", timestamp(), nullable=False),
        sa.Column("attempts", sa.SmallInteger, nullable=False),
        sa.Column("failures", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("lost", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("payload", JSONB, nullable=False),
        sa.Column("request_id", text(), nullable=False),
        sa.Column("traceparent", text(), nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("started_at", timestamp()),
        sa.Column("leased_until", timestamp()),
        sa.Column("progress", sa.SmallInteger, nullable=False),
        sa.Column("result", JSONB),
        sa.Column("error", text()),
        sa.Column("refusal", text()),
        sa.Column("finished_at", timestamp()),
        sa.Column("expires_at", timestamp()),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="jobs_pkey"),
        sa.CheckConstraint("state in ('waiting', 'ready', 'running', 'succeeded', 'dead', 'cancelled')", name="ck_jobs_state"),
        sa.CheckConstraint("(state = 'running') = (leased_until is not null)", name="ck_jobs_leased_until"),
    )
    # A queue's rows change often and die soon: what they leave behind is cleared before scans have to step over it.
    op.execute("alter table jobs set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)")
    op.execute("create index ix_jobs_ready on jobs (tenant_id, priority desc, due) where state = 'ready'")
    op.execute("create index ix_jobs_due on jobs (due) where state = 'waiting'")
    op.execute("create index ix_jobs_leased_until on jobs (leased_until) where state = 'running'")
    op.execute("create index ix_jobs_expires_at on jobs (expires_at) where expires_at is not null")
    op.execute("create index ix_jobs_dead on jobs (finished_at) where state = 'dead'")
    ddl.protect("jobs")
    ddl.worker_policy("jobs")
    ddl.grant("jobs", app=("select", "insert"), worker=ddl.READ_WRITE)
    op.execute(f"grant update ({SETTLED}) on jobs to {ddl.quoted(ddl.roles().app)}")
    op.create_table(
        "job_schedules",
        sa.Column("name", text(), nullable=False),
        sa.Column("fired", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="job_schedules_pkey"),
    )
    ddl.grant("job_schedules", worker=ddl.READ_WRITE)


def downgrade() -> None:
    op.drop_table("job_schedules")
    op.drop_table("jobs")
