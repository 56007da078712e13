"""The audit trail: the unit of work records changes in their transaction; refusals get a transaction of their own with a time limit."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final
from uuid import UUID

import msgspec
import sqlalchemy as sa

from api_base.core.errors import ApiBaseError, AuditedRefusal
from api_base.core.protocols import AuditStore, Clock, IdGenerator
from api_base.core.shared.addresses import limit_key
from api_base.core.shared.logging import get_logger
from api_base.core.types import NO_REQUEST, NO_TENANT, RequestContext, current_context
from api_base.domain.common.json_difference import differences
from api_base.infrastructure.audit.models import AuditRecord
from api_base.infrastructure.audit.tables import AUDIT
from api_base.infrastructure.db import write_statements as sql
from api_base.infrastructure.db.changes import AuditWriter, Change, ExtraRow, Kind, Participant
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.serialization.json_codec import decode, encode

logger = get_logger(__name__)

MAX_CONCURRENT_REFUSALS: Final = 4
"""Further refusals at the same time are logged, not stored: an attack must not use up the pool."""

MAX_REFUSALS: Final = 10_000
"""Different refusals that a process aggregates. Further ones are logged, not stored."""

type _Fields = tuple[str | None, str | None]
type _Refusal = tuple[str, UUID | None, str, str, UUID | None]

_HIDDEN: Final = {"secret": "[secret]", "personal": "[personal]"}


class AuditParticipant(Participant, AuditWriter):
    """Adds a record to every change, in its transaction; no handler does anything for it."""

    def __init__(self, ids: IdGenerator, clock: Clock) -> None:
        self._ids, self._clock = ids, clock

    def rows(self, changes: Sequence[Change], context: RequestContext) -> list[ExtraRow]:
        now = self._clock.now()
        return [ExtraRow(AUDIT, self._changed(change, context, now), change) for change in changes]

    def _changed(self, change: Change, context: RequestContext, now: datetime) -> AuditRecord[str]:
        owner = change.owner if change.owner is not None and change.ownership is Ownership.TENANT else NO_TENANT
        action = f"{change.entity}.{change.kind.value}"
        return audit_record(context, self._ids.new(), now, owner, action, change.entity, change.id, changed_fields(change))

    async def note(self, connection: Connection, owner: UUID, entity: str, what: str, id: UUID, changed: _Fields) -> None:
        context = current_context.get(NO_REQUEST)
        record = audit_record(context, self._ids.new(), self._clock.now(), owner, f"{entity}.{what}", entity, id, changed)
        await connection.execute(sql.insert(AUDIT), *record)


class SqlAuditStore(AuditStore[ConnectionPool]):
    """Stores refusals. A failure to store one is logged and does not affect the request.

    Anybody can cause refusals, so they are aggregated: of equal ones (client network, user, route, action, account) within `window` seconds
    the first is stored, and at the end a record with the number of the others.
    """

    def __init__(self, pool: ConnectionPool, ids: IdGenerator, clock: Clock, timeout: float = 1.0, window: float = 60.0) -> None:
        self._pool, self._ids, self._clock, self._timeout, self._window = pool, ids, clock, timeout, window
        self._under_way = 0
        self._others: dict[_Refusal, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def refused(self, context: RequestContext, method: str, route: str, status: int, error: ApiBaseError | None) -> None:
        what, account = (error.action, error.account) if isinstance(error, AuditedRefusal) else (str(status), None)
        action, entity = f"refused.{what}", f"{method} {route}"
        refusal = (limit_key(context.address), context.user_id, entity, action, account)
        if refusal in self._others:
            self._others[refusal] += 1
            return
        if len(self._others) >= MAX_REFUSALS:
            logger.warning("refusal_not_stored", reason="too many different refusals", status=status)
            return
        self._others[refusal] = 0
        record = audit_record(context, self._ids.new(), self._clock.now(), NO_TENANT, action, entity, account, (None, None))
        asyncio.get_running_loop().call_later(self._window, self._end, refusal, record)
        await self._store(record)

    def _end(self, refusal: _Refusal, first: AuditRecord[str]) -> None:
        others = self._others.pop(refusal)
        if others:
            record = first._replace(id=self._ids.new(), at=self._clock.now(), after=f'{{"others":{others}}}')
            task = asyncio.ensure_future(self._store(record))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _store(self, record: AuditRecord[str]) -> None:
        if self._under_way >= MAX_CONCURRENT_REFUSALS:
            logger.warning("refusal_not_stored", reason="too many concurrent refusals", action=record.action)
            return
        self._under_way += 1
        try:
            async with asyncio.timeout(self._timeout):
                await self._pool.run(lambda connection: connection.execute(sql.insert(AUDIT), *record))
        except Exception as failure:
            logger.warning("refusal_not_stored", reason=str(failure) or type(failure).__name__, action=record.action)
        finally:
            self._under_way -= 1


def audit_record(
    context: RequestContext, id: UUID, at: datetime, owner: UUID, action: str, entity: str, entity_id: UUID | None, changed: _Fields
) -> AuditRecord[str]:
    """The one place that makes a record. `context` says who acted, and from where."""
    return AuditRecord(
        owner,
        at,
        id,
        context.user_id,
        context.request_id,
        context.trace_id,
        context.address,
        action,
        entity,
        entity_id,
        *changed,
    )


def changed_fields(change: Change) -> _Fields:
    """JSON of the fields before and after. The first is None for an insert, the second for a delete."""
    table, before = change.table, change.before
    if change.kind is Kind.DELETE:
        return _json(table, _fields(change) if before is None else before.items()), None
    if change.kind is Kind.INSERT or before is None:
        return None, _json(table, _fields(change))
    changed = {name: value for name, value in _fields(change) if before[name] != value}
    marked = [name for name in changed if table.columns[name].info.get("difference")]
    was = {name: before[name] for name in changed if name not in marked}
    now = {name: value for name, value in changed.items() if name not in marked}
    for name in marked:
        for one in differences(decode(before[name]), decode(changed[name]), f"/{name}"):
            was[one.pointer], now[one.pointer] = one.before, one.after
    return _json(table, was.items()), _json(table, now.items())


def _fields(change: Change) -> Iterable[tuple[str, Any]]:
    return zip(_names(change.table), change.row, strict=True)


def _json(table: sa.Table, values: Iterable[tuple[str, Any]]) -> str:
    forms = _forms(table)
    return encode({name: forms[name](value) if name in forms else value for name, value in values if value is not None}).decode()


@lru_cache(maxsize=512)
def _names(table: sa.Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


@lru_cache(maxsize=512)
def _forms(table: sa.Table) -> Mapping[str, Callable[[Any], Any]]:
    """Conversions of the columns whose values are not written as they are."""
    forms: dict[str, Callable[[Any], Any]] = {}
    for column in table.columns:
        sensitivity = column.info.get("sensitivity")
        if sensitivity is not None:
            forms[column.name] = partial(_hidden, _HIDDEN[sensitivity])
        elif isinstance(column.type, sa.JSON):
            forms[column.name] = _raw
    return forms


def _hidden(label: str, value: Any) -> str:
    del value
    return label


def _raw(value: Any) -> Any:
    return msgspec.Raw(value.encode()) if isinstance(value, str) else value
