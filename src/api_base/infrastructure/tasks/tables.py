"""Tables of jobs. A tenant sees its own rows; workers see all."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from api_base.infrastructure.db.schema import system_owned, tenant_owned, text, timestamp

METADATA: Final = sa.MetaData()

JOBS: Final = tenant_owned(
    "jobs",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
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
    sa.CheckConstraint("state in ('waiting', 'ready', 'running', 'succeeded', 'dead', 'cancelled')", name="ck_jobs_state"),
    sa.CheckConstraint("(state = 'running') = (leased_until is not null)", name="ck_jobs_leased_until"),
)
"""`user_id` is the nil UUID for a job that no user started. `attempts` counts the attempts begun; with the id it identifies one execution.
`failures` counts the attempts that failed by the job's own fault since the last retry by an operator. `leased_until` is when the job is
taken from a
worker that does not renew its lease, and `lost_attempts` counts how often that happened. `progress` is in percent. `error` is for operators;
`public_error` is for the user who started the job, and null after an internal error. `expires_at` is null for a dead job: it stays until
an operator handles it. `dispatched_attempt` is the value of `attempts` when the job was last sent to a broker; null without one."""

SCHEDULES: Final = system_owned(
    "job_schedules",
    METADATA,
    sa.Column("name", text(), primary_key=True),
    sa.Column("fired_until", timestamp(), nullable=False),
)
"""A schedule has fired for all times up to `fired_until`."""

LEADERS: Final = system_owned(
    "leaders",
    METADATA,
    sa.Column("name", text(), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)
"""The id of the first transaction of the present leader of a piece of work, where leases in Redis decide."""
