"""Enqueues jobs as rows, which the unit of work writes right before it commits."""

from datetime import timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from api_base.application.common.jobs import Jobs
from api_base.core.errors import ProgrammingError
from api_base.core.protocols import NO_DELAY, Clock, IdGenerator, JobQueue, JobState, PermissionChecker
from api_base.core.shared.trace_units import Outgoing, sending
from api_base.core.types import NO_REQUEST, NO_TENANT, NO_USER, RequestContext, current_context
from api_base.infrastructure.db.changes import PendingWrite
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.notifications import CoalescingNotifier
from api_base.infrastructure.db.unit_of_work import open_unit
from api_base.infrastructure.serialization.json_codec import encode

CHANNEL: Final = "jobs"
"""NOTIFY channel: jobs are ready."""

_INSERT: Final = """
insert into jobs (tenant_id, id, user_id, name, state, priority, scheduled_at, attempts, payload, request_id, traceparent, created_at, progress)
select t.id, j.id, j.user_id, j.name, j.state, j.priority, j.scheduled_at, 0, j.payload::jsonb, $2, j.traceparent, $3, 0
from (select set_config('app.tenant_id', $1, true)::uuid as id offset 0) t
cross join unnest($4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::smallint[], $9::timestamptz[], $10::text[], $11::text[])
    as j (id, user_id, name, state, priority, scheduled_at, payload, traceparent)
on conflict (tenant_id, id) do nothing
"""


class SqlJobQueue(JobQueue):
    """`notify` wakes the workers after the commit."""

    def __init__(self, jobs: Jobs, checker: PermissionChecker, ids: IdGenerator, clock: Clock, notify: CoalescingNotifier) -> None:
        self._jobs, self._checker, self._ids, self._clock, self._notify = jobs, checker, ids, clock, notify

    async def enqueue(self, message: Any, *, unique: str | None = None, delay: timedelta = NO_DELAY, priority: int = 0) -> UUID:
        job = self._jobs.of(message)
        if not -100 <= priority <= 100:
            raise ProgrammingError(f"The priority of a job must be from -100 to 100, not {priority}.")
        unit = open_unit()
        context = current_context.get(None) or NO_REQUEST
        self._checker.check(context.principal, job.message.permission)
        sender = unit.sender(_Enqueued, lambda: _Enqueued(context, self._clock, self._notify))
        id = self._ids.new() if unique is None else id_of(sender.tenant, job.name, unique)
        state = JobState.WAITING if delay > NO_DELAY else JobState.READY
        user = NO_USER if job.system else context.user_id or NO_USER
        with sending("postgresql", [Outgoing(destination=job.name, id=str(id), traceparent=context.propagated)]) as (sent,):
            sender.rows.append((id, user, job.name, state, priority, self._clock.now() + delay, encode(message).decode(), sent))
        return id


def id_of(tenant: UUID, name: str, unique: str) -> UUID:
    """Return the same id for the same arguments: a unique job needs no look-up [RFC 9562, section 5.8]."""
    return uuid8(sha256(f"{tenant} {name} {unique}".encode()).digest())


def uuid8(digest: bytes) -> UUID:
    """The first 122 bits that fit into a UUID of version 8, from 16 bytes or more."""
    number = int.from_bytes(digest[:16])
    number = number & ~(0xF << 76) | (8 << 76)
    return UUID(int=number & ~(0x3 << 62) | (0x2 << 62))


class _Enqueued(PendingWrite):
    """The pending jobs of a unit of work, written in one statement."""

    alone = True

    def __init__(self, context: RequestContext, clock: Clock, notify: CoalescingNotifier) -> None:
        self.rows: list[Any] = []
        self.tenant: UUID = context.tenant_id or NO_TENANT
        self._about = context.request_id, clock.now()
        self._notify = notify

    async def send(self, connection: Connection) -> None:
        await connection.execute(_INSERT, str(self.tenant), *self._about, *(list(column) for column in zip(*self.rows, strict=True)))

    def committed(self) -> None:
        if any(row[3] is JobState.READY for row in self.rows):
            self._notify()
