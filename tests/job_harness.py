"""Jobs at work: an open application whose context `tests` declares some, and workers beside it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from api_base.application.common.cqrs import PUBLIC, Command, Registration, on
from api_base.application.common.jobs import Job, Schedule
from api_base.application.items.commands.create_item import CreateItem, CreateItemHandler
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services, build, opened
from api_base.bootstrap.tasks import WorkerTiming
from api_base.bootstrap.worker import create_worker
from api_base.core.config import Settings
from api_base.core.protocols import Isolation
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.items.repository import SqlItemRepository
from api_base.serving.worker import run_worker
from tests.application import settings_on
from tests.factories.items import item


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueue(Command[list[UUID]]):
    """Has each of `messages` done later."""

    permission = PUBLIC
    messages: Sequence[Command[Any]]
    unique: str | None = None
    delay: timedelta = timedelta(0)
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeItem(Command[str]):
    """Leaves an item, so its effect can be counted."""

    permission = PUBLIC
    sku: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Command[int | None]):
    """Leaves nothing in the database; `number` is what it answers."""

    permission = PUBLIC
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Orchestrate(Command[str]):
    permission = PUBLIC
    isolation = Isolation.NONE
    sku: str


TIMING = WorkerTiming(poll_interval=0.05, renewal_interval=0.5, retry_delay=lambda attempt: 0.01)

type Hook = Callable[[Any], Awaitable[Any]]


async def _nothing(message: Any) -> None:
    return None


@dataclass
class JobHarness:
    """`before` is called by each job with its command, first of all; `after` when its effect is made and not committed."""

    urls: Urls
    settings: Settings
    before: Hook = _nothing
    after: Hook = _nothing
    jobs: Sequence[Job] = ()
    schedules: Sequence[Schedule] = ()
    carried_out: list[Any] = field(default_factory=list)
    services: Services = field(init=False)

    def context(self) -> Context:
        declared = self.jobs or (
            Job(name="tests.make_item", message=MakeItem, attempts=3),
            Job(name="tests.note", message=Note, attempts=3),
            Job(name="tests.orchestrate", message=Orchestrate, attempts=3),
            Job(name="items.create", message=CreateItem),
        )
        return Context(name="tests", handlers=self._handlers, jobs=declared, schedules=self.schedules)

    def _handlers(self, ports: Ports) -> list[Registration]:
        items = SqlItemRepository(ports.database)
        create = CreateItemHandler(items, ports.ids, ports.clock)
        return [
            on(Enqueue, _Does(lambda command: _enqueue(ports, command))),
            on(MakeItem, _Does(lambda command: self._make(create, command))),
            on(Note, _Does(self._note)),
            on(Orchestrate, _Does(lambda command: self._orchestrate(ports, command))),
        ]

    async def _make(self, create: CreateItemHandler, command: MakeItem) -> str:
        await self.before(command)
        await create.handle(creation(command.sku))
        await self.after(command)
        self.carried_out.append(command)
        return command.sku

    async def _note(self, command: Note) -> int | None:
        found = await self.before(command)
        self.carried_out.append(command)
        return command.number if found is None else found

    async def _orchestrate(self, ports: Ports, command: Orchestrate) -> str:
        await self.before(command)
        await ports.bus.execute(MakeItem(sku=command.sku))
        self.carried_out.append(command)
        return command.sku

    @asynccontextmanager
    async def worker(self, timing: WorkerTiming = TIMING, **jobs: Any) -> AsyncIterator[asyncio.Event]:
        """A worker that only runs jobs, with short delays; it stops when the event is set, and has ended after the block."""
        stop = asyncio.Event()
        settings = self.settings.model_copy(update={"jobs": self.settings.jobs.model_copy(update=jobs)})
        work = asyncio.create_task(
            run_worker(create_worker(settings, [*BUILT_IN, self.context()], ("jobs",), timing=timing), self.urls, stop)
        )
        try:
            yield stop
        finally:
            stop.set()
            await work

    async def enqueue(self, *messages: Command[Any], tenant: UUID | None = None, **options: Any) -> list[UUID]:
        """For nobody in particular, in `tenant`."""
        context = RequestContext(request_id="r-1", principal=None if tenant is None else principal(tenant))
        token = current_context.set(context)
        try:
            return await self.services.bus.execute(Enqueue(messages=messages, **options))
        finally:
            current_context.reset(token)

    async def rows(self, sql: str = "select * from jobs order by created_at, id", *arguments: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.urls.owner)
        try:
            return await connection.fetch(sql, *arguments)
        finally:
            await connection.close()

    async def until(self, condition: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(0.02)

    async def lose(self) -> None:
        """Let the hold on a job that is carried out for the first time run out, however often its worker renews it meanwhile."""

        async def lost() -> bool:
            await self.rows("update jobs set leased_until = now() - interval '1 second' where state = 'running' and attempts = 1")
            return bool(await self.rows("select from jobs where lost_attempts > 0"))

        await self.until(lost)

    async def state(self, id: UUID) -> str:
        [row] = await self.rows("select state from jobs where id = $1", id)
        state: str = row["state"]
        return state

    async def skus(self) -> list[str]:
        return [row["sku"] for row in await self.rows("select sku from items order by sku")]

    async def ended(self, count: int = 1, seconds: float = 30) -> list[asyncpg.Record]:
        """The jobs, once `count` of them have ended."""
        async with asyncio.timeout(seconds):
            while len(done := await self.rows("select * from jobs where finished_at is not null order by created_at, id")) < count:
                await asyncio.sleep(0.02)
        return done


def creation(sku: str) -> CreateItem:
    return CreateItem(details=item(sku=sku).details)


def principal(tenant: UUID, user: UUID | None = None, *permissions: str) -> Principal:
    return Principal(
        user_id=UserId(user or UUID(int=0)),
        session_id=None,
        tenant_id=TenantId(tenant),
        role=None,
        platform_admin=False,
        permissions=frozenset(permissions),
    )


async def _enqueue(ports: Ports, command: Enqueue) -> list[UUID]:
    return [
        await ports.jobs.enqueue(message, unique=command.unique, delay=command.delay, priority=command.priority)
        for message in command.messages
    ]


class _Does:
    def __init__(self, do: Hook) -> None:
        self._do = do

    async def handle(self, message: Any) -> Any:
        return await self._do(message)


@asynccontextmanager
async def job_harness(urls: Urls, settings: Settings | None = None, **parts: Any) -> AsyncIterator[JobHarness]:
    shop = JobHarness(urls, settings or settings_on(urls), **parts)
    async with opened(build(shop.settings, [*BUILT_IN, shop.context()])) as services:
        shop.services = services
        yield shop


def tenant() -> UUID:
    return uuid4()
