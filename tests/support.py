"""What tests of the database share: a pool as `app`, units of work with the audit, repositories for a tenant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from api_base.infrastructure.audit.store import AuditParticipant
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.unit_of_work import SqlUnitOfWorkFactory
from api_base.infrastructure.events.outbox import Inbox, OutboxParticipant
from api_base.infrastructure.items.repository import SqlItemRepository
from api_base.infrastructure.system import SystemClock


class Ids:
    def new(self) -> UUID:
        return uuid4()


class FixedClock:
    def __init__(self, now: datetime = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time


@dataclass(frozen=True, slots=True)
class Stored:
    """The write path as the application has it, without HTTP."""

    database: Database
    begin: SqlUnitOfWorkFactory
    items: SqlItemRepository


@asynccontextmanager
async def stored(urls: Urls, *, size: int = 5, acquire_timeout: float = 10.0) -> AsyncIterator[Stored]:
    database = Database(urls.app, PoolOptions(size=size, acquire_timeout=acquire_timeout, statement_timeout=20))
    await database.open()
    try:
        ids, clock = Ids(), SystemClock()
        participants = [AuditParticipant(ids, FixedClock()), OutboxParticipant(ids, clock)]
        begin = SqlUnitOfWorkFactory(database.pool, participants, Inbox(clock))
        yield Stored(database, begin, SqlItemRepository(database))
    finally:
        await database.close()


def act_for(
    tenant: UUID | None, user: UUID | None = None, *, role: str = "owner", permissions: frozenset[str] = frozenset()
) -> RequestContext:
    """Make what follows in this task a request of a user in a tenant."""
    principal = Principal(
        user_id=UserId(user or uuid4()),
        session_id=None,
        tenant_id=None if tenant is None else TenantId(tenant),
        role=role,
        platform_admin=False,
        permissions=permissions,
    )
    context = RequestContext(request_id="test", principal=principal)
    current_context.set(context)
    return context
