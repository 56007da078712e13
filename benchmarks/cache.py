"""A hot cacheable query, against the same without a cache: through the bus, and over HTTP. From memory, and with `TEST_REDIS_URL` from Redis and
from both tiers. And what the notification costs that a commit sends."""

import asyncio
import os
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import uvloop
from pydantic import SecretStr

from api_base.application.common.cqrs import Bus
from api_base.application.tenants.queries import GetTenant
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services, build, opened
from api_base.core.config import Settings
from api_base.core.protocols import Isolation
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from api_base.infrastructure.cache.query_cache import QueryCache
from api_base.infrastructure.db.changes import ChangeObserver
from api_base.infrastructure.db.unit_of_work import SqlUnitOfWorkFactory
from api_base.infrastructure.tenants.repository import SqlTenantRepository
from benchmarks.report import ROUNDS, show
from benchmarks.serving import cpu_seconds, fetch, load, served
from benchmarks.world import Member, World, environment, members, world

QUERIES, COMMITS = 2000, 50
TURNS, REQUESTS = 45, 400
"""Over HTTP: short turns, so that both servers have the same neighbours on a machine that is not quiet."""


def main() -> None:
    with world() as made:
        member, *others = members(made, 20, 1)
        uvloop.run(_main(made, member))
        uvloop.run(_commits(made, [member, *others]))
        with (
            served("api_base.main:create_app", environment(made), made.home / "cached.log", factory=True) as cached,
            served("benchmarks.uncached_app:create_app", environment(made), made.home / "uncached.log", factory=True) as uncached,
        ):
            uvloop.run(_http(cached, uncached, member, _postgres(made)))


async def _main(made: World, member: Member) -> None:
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(opened(build(made.settings, BUILT_IN)))
        principal = await services.container.access.resolve(UserId(member.user), TenantId(member.tenant))
        current_context.set(RequestContext(request_id="benchmark", principal=principal))
        buses = {"memory": services.bus}
        if url := os.environ.get("TEST_REDIS_URL"):
            redis = await stack.enter_async_context(opened(build(_cached_at(made.settings, url), BUILT_IN)))
            buses["Redis"] = redis.bus
            tiered = await stack.enter_async_context(opened(build(_cached_at(made.settings, f"tiered+{url}"), BUILT_IN)))
            buses["two tiers"] = tiered.bus
        uncached, query = _without_cache(services), GetTenant(id=member.tenant)
        assert len({repr(await bus.execute(query)) for bus in (uncached, *buses.values())}) == 1
        ratios: dict[str, list[float]] = {name: [] for name in buses}
        microseconds: dict[str, list[float]] = {name: [] for name in ("without a cache", *buses)}
        for _ in range(ROUNDS):
            plain = await _cost(uncached, query)
            microseconds["without a cache"].append(plain)
            for name, bus in buses.items():
                cost = await _cost(bus, query)
                microseconds[name].append(cost)
                ratios[name].append(plain / cost)
        for name, figures in microseconds.items():
            show(f"GetTenant through the bus: {name}", figures, "µs")
        for name, figures in ratios.items():
            show(f"cached in {name} against uncached", figures, "×", owed="5" if name == "memory" else "")


def _cached_at(settings: Settings, url: str) -> Settings:
    cache = settings.cache.model_copy(update={"url": SecretStr(url), "prefix": uuid4().hex})
    return settings.model_copy(update={"cache": cache})


def _without_cache(services: Services) -> Bus:
    bus = Bus([stage for stage in services.container.providers["pipeline"]() if not isinstance(stage, QueryCache)])
    bus.add([one for context in BUILT_IN for one in context.handlers(services.ports) if one.message is GetTenant])
    return bus


def _postgres(made: World) -> Callable[[], float]:
    """Return what measures the CPU seconds of the database: of its processes that live at the time."""
    (file,) = made.home.rglob("postmaster.pid")
    postmaster = int(file.read_text().splitlines()[0])

    def seconds() -> float:
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return sum(cpu_seconds(pid) for pid in (postmaster, *map(int, children)))

    return seconds


async def _http(cached: tuple[int, int], uncached: tuple[int, int], member: Member, database: Callable[[], float]) -> None:
    """CPU of the server, of server and database, and time for a request."""
    path = f"GET /api/v1/tenants/{member.tenant} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {member.token}\r\n\r\n"
    requests, servers = [path.encode()], {"without a cache": uncached, "memory": cached}
    assert await fetch(cached[1], requests[0]) == await fetch(uncached[1], requests[0])
    cpu: dict[str, list[float]] = {name: [] for name in servers}
    both: dict[str, list[float]] = {name: [] for name in servers}
    taken: dict[str, list[float]] = {name: [] for name in servers}
    for turn in range(TURNS + 1):
        for name, (pid, port) in servers.items():
            before, stored, began = cpu_seconds(pid), database(), time.perf_counter()
            await load(port, requests, REQUESTS)
            if turn:
                cpu[name].append((cpu_seconds(pid) - before) / REQUESTS * 1e6)
                both[name].append((cpu_seconds(pid) - before + database() - stored) / REQUESTS * 1e6)
                taken[name].append((time.perf_counter() - began) / REQUESTS * 1e6)
    for what, figures in (("server CPU", cpu), ("CPU with database", both), ("time", taken)):
        for name, found in figures.items():
            show(f"GET /tenants/{{id}}, 16 clients: {what} a request, {name}", found, "µs")
        ratios = [plain / cost for plain, cost in zip(*figures.values(), strict=True)]
        show(f"the same: cached in memory against uncached, {what}", ratios, "×", owed="1.3")


class _Observer(ChangeObserver):
    entities = frozenset({"tenant"})

    def notification(self, changes: Collection[tuple[UUID | None, str]]) -> str:
        return "\n".join(f"{owner} {entity}" for owner, entity in changes)

    async def changed(self, changes: Collection[tuple[UUID | None, str]]) -> None:
        """Nothing is cached."""


async def _commits(made: World, people: Sequence[Member]) -> None:
    """Tenants renamed by one after the other, and by 20 at the same time."""
    async with opened(build(made.settings, BUILT_IN)) as services:
        pool, tenants = services.ports.database.pool, SqlTenantRepository(services.ports.database)
        begins = {name: SqlUnitOfWorkFactory(pool, [], None, observer) for name, observer in (("without", None), ("with", _Observer()))}
        for clients in (1, len(people)):
            rates: dict[str, list[float]] = {name: [] for name in begins}
            for _ in range(ROUNDS):
                for name, begin in begins.items():
                    began = time.perf_counter()
                    await asyncio.gather(*(_rename(begin, tenants, member, services.container.clock.now()) for member in people[:clients]))
                    rates[name].append(clients * COMMITS / (time.perf_counter() - began))
            for name, figures in rates.items():
                show(f"commits by {clients} at the same time, {name} notification", figures, "/s")
            show("with against without", [one / other for one, other in zip(rates["with"], rates["without"], strict=True)], "×")


async def _rename(begin: SqlUnitOfWorkFactory, tenants: SqlTenantRepository, member: Member, now: datetime) -> None:
    principal = Principal.without_permissions(UserId(member.user), TenantId(member.tenant))
    current_context.set(RequestContext(request_id="benchmark", principal=principal))
    for number in range(COMMITS):
        async with begin(Isolation.OPTIMISTIC):
            found = await tenants.get(member.tenant)
            assert found is not None
            found.rename(f"Name {number}{found.version}", now)
            await tenants.update(found)


async def _cost(bus: Bus, query: GetTenant) -> float:
    """Microseconds for one query."""
    began = time.perf_counter()
    for _ in range(QUERIES):
        await bus.execute(query)
    return (time.perf_counter() - began) / QUERIES * 1e6
