"""A hot cacheable query through the bus: from the cache in memory, and from Redis at `TEST_REDIS_URL`, against the same bus without a cache."""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from uuid import uuid4

from pydantic import SecretStr

from api_base.application.common.cqrs import Bus
from api_base.application.tenants.queries import GetTenant
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services, build, opened
from api_base.core.config import Settings
from api_base.core.types import RequestContext, TenantId, UserId, current_context
from api_base.infrastructure.cache.query_cache import QueryCache
from benchmarks.report import show
from benchmarks.world import Member, World, members, world

ROUNDS, QUERIES = 9, 2000


def main() -> None:
    with world() as made:
        asyncio.run(_main(made, members(made, 1, 1)[0]))


async def _main(made: World, member: Member) -> None:
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(opened(build(made.settings, BUILT_IN)))
        principal = await services.container.access.resolve(UserId(member.user), TenantId(member.tenant))
        current_context.set(RequestContext(request_id="benchmark", principal=principal))
        buses = {"memory": services.bus}
        if url := os.environ.get("TEST_REDIS_URL"):
            redis = await stack.enter_async_context(opened(build(_cached_at(made.settings, url), BUILT_IN)))
            buses["Redis"] = redis.bus
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


async def _cost(bus: Bus, query: GetTenant) -> float:
    """Microseconds for one query."""
    began = time.perf_counter()
    for _ in range(QUERIES):
        await bus.execute(query)
    return (time.perf_counter() - began) / QUERIES * 1e6
