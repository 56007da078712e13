"""Create jobs, each visible to its tenant only, and the state of schedules. The worker starts, completes and prunes jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text, timestamp

revision = "tasks_001"
down_revision = None
branch_labels = ("tasks",)
depends_on = ("base_001",)

COMPLETION = "state, result, error, public_error, progress, finished_at, expires_at, leased_until"
"""The columns that a unit of work writes when it completes or cancels a job."""


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("state", text(), nullable=False),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        sa.Column("scheduled_at", timestamp(), nullable=False),
        sa.Column("attempts", sa.SmallInteger, nullable=False),
        sa.Column("failures", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("lost_attempts", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("payload", JSONB, nullable=False),
        sa.Column("request_id", text(), nullable=False),
        sa.Column("traceparent", text(), nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("started_at", timestamp()),
        sa.Column("leased_until", timestamp()),
        sa.Column("progress", sa.SmallInteger, nullable=False),
        sa.Column("result", JSONB),
        sa.Column("error", text()),
        sa.Column("public_error", text()),
        sa.Column("finished_at", timestamp()),
        sa.Column("expires_at", timestamp()),
        sa.Column("dispatched_attempt", sa.SmallInteger),
        sa.Column("dispatched_at", timestamp()),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="jobs_pkey"),
        sa.CheckConstraint("state in ('waiting', 'ready', 'running', 'succeeded', 'dead', 'cancelled')", name="ck_jobs_state"),
        sa.CheckConstraint("(state = 'running') = (leased_until is not null)", name="ck_jobs_leased_until"),
    )
    # Rows of a queue change often: frequent vacuum removes dead rows before scans have to skip many of them.
    op.execute("alter table jobs set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)")
    op.execute("create index ix_jobs_ready on jobs (tenant_id, priority desc, scheduled_at) where state = 'ready'")
    op.execute("create index ix_jobs_scheduled_at on jobs (scheduled_at) where state = 'waiting'")
    op.execute("create index ix_jobs_leased_until on jobs (leased_until) where state = 'running'")
    op.execute("create index ix_jobs_expires_at on jobs (expires_at) where expires_at is not null")
    op.execute("create index ix_jobs_dead on jobs (finished_at) where state = 'dead'")
    ddl.protect("jobs")
    ddl.worker_policy("jobs")
    ddl.grant("jobs", app=("select", "insert"), worker=ddl.READ_WRITE)
    op.execute(f"grant update ({COMPLETION}) on jobs to {ddl.quoted(ddl.roles().app)}")
    op.create_table(
        "job_schedules",
        sa.Column("name", text(), nullable=False),
        sa.Column("fired_until", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="job_schedules_pkey"),
    )
    ddl.grant("job_schedules", worker=ddl.READ_WRITE)


def downgrade() -> None:
    op.drop_table("job_schedules")
    op.drop_table("jobs")
