"""Write the audit trail: changes as a participant of the unit of work, refusals in a bounded transaction of their own."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from api_base.core.protocols import AuditStore, Clock, IdGenerator
from api_base.core.shared.logging import get_logger
from api_base.core.types import NO_REQUEST, NO_TENANT, RequestContext, current_context
from api_base.infrastructure.audit.changed_fields import changed_fields
from api_base.infrastructure.audit.models import AuditRecord
from api_base.infrastructure.audit.tables import AUDIT
from api_base.infrastructure.db import write_statements as sql
from api_base.infrastructure.db.changes import Change, ExtraRow
from api_base.infrastructure.db.pool import Connection, ConnectionPool
from api_base.infrastructure.db.schema import Ownership, ownership

logger = get_logger(__name__)

MAX_CONCURRENT_REFUSALS: Final = 4
"""Further concurrent refusals are logged and not stored: an attack must not exhaust the pool."""


class AuditParticipant:
    """Implements `Participant` and `AuditWriter`: adds a record to every change, in its transaction; handlers do nothing for it."""

    tables: Final = (AUDIT,)

    def __init__(self, ids: IdGenerator, clock: Clock) -> None:
        self._ids, self._clock = ids, clock

    def rows(self, changes: Sequence[Change], context: RequestContext | None) -> list[ExtraRow]:
        return list(self._rows(changes, context or NO_REQUEST))

    def _rows(self, changes: Sequence[Change], context: RequestContext) -> Iterator[ExtraRow]:
        now = self._clock.now()
        for position, change in enumerate(changes):
            owner = change.owner or NO_TENANT if ownership(change.table) is Ownership.TENANT else NO_TENANT
            record = self._record(context, now, owner, change.entity, change.kind.value, change.id, changed_fields(change))
            yield ExtraRow(AUDIT, record.row(), position)

    async def note(
        self, connection: Connection, owner: UUID, entity: str, what: str, id: UUID, changed: tuple[str | None, str | None]
    ) -> None:
        record = self._record(current_context.get(NO_REQUEST), self._clock.now(), owner, entity, what, id, changed)
        await connection.execute(sql.insert(AUDIT), *record.row())

    def _record(
        self, context: RequestContext, at: datetime, owner: UUID, entity: str, what: str, id: UUID, changed: tuple[str | None, str | None]
    ) -> AuditRecord[str]:
        before, after = changed
        return AuditRecord.of(
            context,
            id=self._ids.new(),
            at=at,
            tenant_id=owner,
            action=f"{entity}.{what}",
            entity=entity,
            entity_id=id,
            before=before,
            after=after,
        )


class SqlAuditStore(AuditStore[ConnectionPool]):
    """Stores refusals. A failure to store one never fails its request."""

    def __init__(self, pool: ConnectionPool, ids: IdGenerator, clock: Clock, timeout: float = 1.0) -> None:
        self._pool, self._ids, self._clock, self._timeout = pool, ids, clock, timeout
        self._under_way = 0

    async def refused(self, context: RequestContext, method: str, status: int) -> None:
        if self._under_way >= MAX_CONCURRENT_REFUSALS:
            logger.warning("refusal_not_stored", reason="too many concurrent refusals", status=status)
            return
        self._under_way += 1
        try:
            async with asyncio.timeout(self._timeout):
                record = self._record(context, method, status)
                await self._pool.run(lambda connection: connection.execute(sql.insert(AUDIT), *record.row()))
        except Exception as error:
            logger.warning("refusal_not_stored", reason=str(error) or type(error).__name__, status=status)
        finally:
            self._under_way -= 1

    def _record(self, context: RequestContext, method: str, status: int) -> AuditRecord[str]:
        what, account = context.refusal or (str(status), None)
        return AuditRecord.of(
            context,
            id=self._ids.new(),
            at=self._clock.now(),
            tenant_id=NO_TENANT,
            action=f"refused.{what}",
            entity=f"{method} {context.route}",
            entity_id=account,
        )
