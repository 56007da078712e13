"""The whole application in the process of the test, on a database of its own, and people who act in it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx2
from fastapi import FastAPI

from api_base.application.auth.commands.log_in import StartSession
from api_base.application.common.cqrs import Message
from api_base.application.tenants.commands.add_member import AddMember
from api_base.application.tenants.commands.create_tenant import CreateTenant
from api_base.application.users.commands.create_user import CreateUser
from api_base.bootstrap.application import create_app
from api_base.bootstrap.container import wired_with
from api_base.bootstrap.context import Context
from api_base.bootstrap.sections import sectioned
from api_base.bootstrap.services import Services
from api_base.bootstrap.tasks import WorkerTiming
from api_base.bootstrap.worker import create_worker
from api_base.core.config import Settings
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Role
from api_base.infrastructure.db.embedded import Urls
from api_base.serving.worker import run_worker
from api_base.testing.doubles import Mailbox, MovedClock
from api_base.testing.keys import pem

WORK_SECONDS: Final = 30.0
"""Seconds that waiting work may take."""
LOOK_SECONDS: Final = 0.02
TIMING: Final = WorkerTiming(poll_interval=0.05, renewal_interval=1.0, retry_delay=lambda attempt: 0.05)
UNLIMITED: Final = dict.fromkeys(("requests", "burst", "login_requests", "login_burst", "failed_tokens"), 10**6)
WAITING: Final = """
select 'event ' || name || ' is not published' from outbox where not published
union all
select 'event ' || event_id || ' is not delivered to ' || subscription || ': ' || coalesce(error, 'it waits') from deliveries where not dead
union all
select 'job ' || name || ' is ' || state || ': ' || coalesce(error, 'it waits')
from jobs where state in ('ready', 'running') or state = 'waiting' and scheduled_at < now() + interval '1 second'
"""
"""The time of a job that is ready does not count: it is that of the moved clock."""
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A committed event. `payload` is its JSON."""

    name: str
    aggregate_id: UUID
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A user with a session for a tenant. `client` sends requests with its access token, `execute` messages through the bus."""

    backend: "Backend"
    principal: Principal
    email: str
    access_token: str

    @property
    def tenant_id(self) -> TenantId:
        """The tenant in which the actor acts."""
        assert self.principal.tenant_id is not None
        return self.principal.tenant_id

    @property
    def client(self) -> httpx2.AsyncClient:
        """A client that is logged in. It holds nothing that must be closed."""
        return self.backend.client_with({"Authorization": f"Bearer {self.access_token}"})

    async def execute[T](self, message: Message[T]) -> T:
        """Send a message as this actor. Raises what its handler raises, and `Forbidden` without its permission."""
        return await self.backend.execute(message, self.principal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """An open application on the database at `urls`. `services` are those of `app`: a request sees what a message changed."""

    app: FastAPI
    services: Services
    urls: Urls
    clock: MovedClock
    mailbox: Mailbox
    owners: dict[TenantId, Principal] = field(default_factory=dict)

    @property
    def client(self) -> httpx2.AsyncClient:
        """A client that is not logged in."""
        return self.client_with({})

    def client_with(self, headers: Mapping[str, str]) -> httpx2.AsyncClient:
        """A client that sends these headers with each request."""
        transport = httpx2.ASGITransport(app=self.app, client=("203.0.113.7", 1234))
        return httpx2.AsyncClient(transport=transport, base_url="http://api.test", headers=headers)

    async def execute[T](self, message: Message[T], principal: Principal | None = None) -> T:
        """Send a message as this principal, or as nobody."""
        before = current_context.set(RequestContext(request_id="test", principal=principal))
        try:
            return await self.services.bus.execute(message)
        finally:
            current_context.reset(before)

    async def acting(self, *, role: str = "owner", tenant: TenantId | None = None) -> Actor:
        """A new user with `role` in `tenant`, by default in a new tenant."""
        email = f"user-{next(_numbers)}@example.com"
        created = await self.execute(CreateUser(email=EmailAddress(email), name="Ana", password_hash="none"))  # noqa: S106 -- no password has this hash
        user = UserId(created.id)
        if tenant is None and role == Role.OWNER:
            tenant = await self._new_tenant(user)
        else:
            tenant = tenant or (await self.acting()).tenant_id
            if tenant not in self.owners:
                raise ValueError(f"The tenant {tenant} was not made by `acting`: only its owner can add a member.")
            await self.execute(AddMember(tenant_id=tenant, email=email, role=Role(role)), self.owners[tenant])
        tokens = await self.execute(StartSession(user_id=user, tenant_id=tenant))
        return Actor(backend=self, principal=self._principal(user, tenant, role), email=email, access_token=tokens.access_token)

    async def _new_tenant(self, owner: UserId) -> TenantId:
        number = next(_numbers)
        command = CreateTenant(name=f"Tenant {number}", slug=f"tenant-{number}")
        tenant = TenantId((await self.execute(command, self._principal(owner, None, None))).id)
        self.owners[tenant] = self._principal(owner, tenant, Role.OWNER)
        return tenant

    def _principal(self, user: UserId, tenant: TenantId | None, role: str | None) -> Principal:
        declared = ((name, roles) for context in self.services.contexts for name, roles in context.permissions.items())
        permissions = frozenset(name for name, roles in declared if role in roles)
        return Principal(user_id=user, session_id=None, tenant_id=tenant, role=role, platform_admin=False, permissions=permissions)

    async def events(self, name: str | None = None) -> Sequence[Event]:
        """The committed events of this name, by default all, in the order in which they were written."""
        rows = await self._fetch(
            "select name, aggregate_id, payload from outbox where $1::text is null or name = $1 order by sequence", name
        )
        return [Event(name=row["name"], aggregate_id=row["aggregate_id"], payload=json.loads(row["payload"])) for row in rows]

    async def run_worker(self) -> None:
        """Do what waits: deliver events, execute jobs, send e-mails, until nothing waits. A job of the future stays.

        Raises:
            TimeoutError: After `WORK_SECONDS` something still waits. The message names it.
        """
        stop = asyncio.Event()
        worker = create_worker(self.services.settings, self.services.contexts, timing=TIMING)
        work = asyncio.create_task(run_worker(worker, self.urls, stop))
        try:
            await self._drained(work)
        finally:
            stop.set()
            await work

    async def _drained(self, work: asyncio.Task[None]) -> None:
        deadline = asyncio.get_running_loop().time() + WORK_SECONDS
        while waiting := [row[0] for row in await self._fetch(WAITING)]:
            if work.done() or asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"After {WORK_SECONDS:g} s work is left: {'; '.join(waiting[:10])}")
            await asyncio.sleep(LOOK_SECONDS)

    async def _fetch(self, sql: str, *arguments: object) -> Sequence[asyncpg.Record]:
        connection = await asyncpg.connect(self.urls.owner)
        try:
            rows: Sequence[asyncpg.Record] = await connection.fetch(sql, *arguments)
            return rows
        finally:
            await connection.close()


def settings_on(urls: Urls, storage: Path, sections: Mapping[str, Mapping[str, Any]]) -> Settings:
    """The settings of a test: its database, storage, keys and mailbox, limits out of the way, and registration open, so that `acting` can add members; `sections` overrides them.

    Variables of the environment count for everything else; a file `.env` does not.
    """
    database = {"url": urls.app, "owner_url": urls.owner, "worker_url": urls.worker, "direct_url": urls.direct, "pool_size": 5}
    defaults: dict[str, Mapping[str, Any]] = {
        "database": database,
        "storage": {"url": f"file://{storage}"},
        "security": {"signing_keys": [pem()]},
        "auth": {"registration": "open"},
        "rate_limit": UNLIMITED,
        "mail": {"url": "mailbox://"},
    }
    values: dict[str, Any] = {name: {**defaults.get(name, {}), **sections.get(name, {})} for name in defaults | dict(sections)}
    return Settings(_env_file=None, **values)


@asynccontextmanager
async def running(
    urls: Urls, contexts: Sequence[Context], storage: Path, sections: Mapping[str, Mapping[str, Any]]
) -> AsyncIterator[Backend]:
    """Open the application of `contexts` on the database at `urls`, which is at head."""
    clock, mailbox = MovedClock(), Mailbox()
    every = [*contexts, mailbox.context]
    settings, problems = sectioned(settings_on(urls, storage, sections), every, sections)
    problems.raise_any()
    with wired_with(clock):
        app = create_app(settings, every)
        async with app.router.lifespan_context(app):
            yield Backend(app=app, services=app.state.services, urls=urls, clock=clock, mailbox=mailbox)
