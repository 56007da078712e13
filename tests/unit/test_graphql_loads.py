"""Loads run in waves: what fields ask for at one depth, on whichever way, is one query of each kind."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from api_base.application.common.cqrs import Bus
from api_base.core.errors import NotFound
from api_base.core.types import NO_REQUEST, current_context
from api_base.interface.graphql.context import MAX_BATCH, GraphQLContext


class Doubling:
    """Loads twice the key, and records the queries. An odd key has none."""

    def __init__(self) -> None:
        self.queries: list[list[int]] = []

    async def __call__(self, keys: Sequence[int]) -> list[Any]:
        self.queries.append(list(keys))
        await asyncio.sleep(0)
        return [key * 2 if key % 2 == 0 else NotFound("thing", key) for key in keys]


@pytest.fixture
def context() -> GraphQLContext:
    current_context.set(NO_REQUEST)
    return GraphQLContext(Bus(()))


async def nested(depth: int, one: Any) -> Any:
    """Await `one` behind as many tasks as nested fields have."""
    for _ in range(depth):
        await asyncio.sleep(0)
    return await one


async def test_keys_of_fields_at_one_depth_are_one_query(context: GraphQLContext) -> None:
    load = Doubling()
    loads = [nested(depth, context.load("a", load, key)) for key, depth in ((2, 0), (4, 3), (2, 1), (6, 2))]
    assert await asyncio.gather(*loads) == [4, 8, 4, 12]
    assert [sorted(keys) for keys in load.queries] == [[2, 4, 6]]
    assert await context.load("a", load, 4) == 8  # it is known
    assert len(load.queries) == 1


async def test_a_wave_waits_for_the_slowest_load_so_that_what_follows_is_one_query(context: GraphQLContext) -> None:
    owners, released = Doubling(), asyncio.Event()

    async def slow(keys: Sequence[int]) -> list[int]:
        await released.wait()
        return list(keys)

    async def owner_of(kind: str, load: Any, key: int) -> Any:
        return await context.load("owners", owners, await context.load(kind, load, key))

    both = [asyncio.ensure_future(owner_of("slow", slow, 10)), asyncio.ensure_future(owner_of("fast", Doubling(), 2))]
    while "fast" not in {kind for kind, *_ in context._known}:
        await asyncio.sleep(0)
    released.set()
    assert await asyncio.gather(*both) == [20, 8]
    assert [sorted(keys) for keys in owners.queries] == [[4, 10]]


async def test_an_exception_belongs_to_its_key_and_that_of_a_query_to_all(context: GraphQLContext) -> None:
    async def fails(keys: Sequence[int]) -> list[int]:
        raise RuntimeError(str(list(keys)))

    load = Doubling()
    found = await asyncio.gather(*(context.load("a", load, key) for key in (1, 2)), context.load("b", fails, 1), return_exceptions=True)
    assert [type(one) for one in found] == [NotFound, int, RuntimeError]


async def test_a_query_has_a_bounded_number_of_keys(context: GraphQLContext) -> None:
    load = Doubling()
    await asyncio.gather(*(context.load("a", load, 2 * key) for key in range(MAX_BATCH + 1)))
    assert sorted(map(len, load.queries)) == [1, MAX_BATCH]


async def test_the_end_of_one_field_ends_no_other_and_the_end_of_the_operation_ends_its_loads(context: GraphQLContext) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def endless(keys: Sequence[int]) -> list[int]:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return list(keys)

    one, other = (asyncio.ensure_future(context.load("a", endless, 1)) for _ in range(2))
    await begun.wait()
    one.cancel()
    await asyncio.wait([one])
    assert not other.done()
    await context.close()
    await asyncio.wait_for(cancelled.wait(), 10)
    await asyncio.wait([other])
    assert other.cancelled()
