"""Loads run in waves: what fields ask for at one depth, on whichever way, is one query of each kind."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from uuid import UUID

import pytest

from api_base.application.common.cqrs import AUTHENTICATED, Bus, Query, on
from api_base.application.common.listing import EQUALITY, Field, Fields, ListRequest, Page, Sort
from api_base.core.errors import Invalid, NotFound
from api_base.core.types import NO_REQUEST, Ok, Result, current_context
from api_base.interface.graphql.context import MAX_BATCH, GraphQLContext
from api_base.interface.graphql.declared import GraphQL, Listing, NestedListing, Node
from api_base.interface.graphql.schema import build_schema


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingDTO:
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDTO:
    slot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListThings(Query[Page[ThingDTO]]):
    permission: ClassVar[str] = AUTHENTICATED
    request: ListRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class GetThings(Query[Sequence[ThingDTO]]):
    permission: ClassVar[str] = AUTHENTICATED
    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListParts(Query[Mapping[UUID, Result[Page[PartDTO], Invalid]]]):
    permission: ClassVar[str] = AUTHENTICATED
    ids: tuple[UUID, ...]
    request: ListRequest


class Things:
    """One thing, with one part, and seven in total if they are counted."""

    thing: Final = ThingDTO(id=UUID(int=1))

    async def handle(self, query: Any) -> Any:
        if isinstance(query, ListParts):
            page = Page(items=[PartDTO(slot="left")], next_cursor=None, total=7 if query.request.include_total else None)
            return {key: Ok(page) for key in query.ids}
        return Page(items=[self.thing], next_cursor=None) if isinstance(query, ListThings) else [self.thing]


def named(name: str) -> Fields:
    return Fields(Field(name=name, kind=str, operators=EQUALITY, sortable=True), default_sort=(Sort(field=name),))


async def test_a_shared_fragment_loads_for_each_of_its_fields_what_that_one_selects() -> None:
    """Both objects have the field of the fragment as the first: what the second adds to it makes another request."""
    things = Node(name="Thing", dto=ThingDTO, by_ids=lambda ids: GetThings(ids=ids), path="/things")
    listing = Listing(
        name="things", dto=ThingDTO, query=lambda request: ListThings(request=request), fields=named("name"), description="Things."
    )
    parts = NestedListing(
        on=ThingDTO,
        name="parts",
        dto=PartDTO,
        key=lambda thing: thing.id,
        query=lambda ids, request: ListParts(ids=ids, request=request),
        fields=named("slot"),
        description="Parts.",
    )
    schema, bus = build_schema([GraphQL(nodes=(things,), listings=(listing,), nested=(parts,))]), Bus(())
    bus.add([on(query, Things()) for query in (ListThings, GetThings, ListParts)])
    current_context.set(NO_REQUEST)
    result = await schema.execute(
        """
        { one: things { nodes { ...Parts } } other: things { nodes { ...Parts parts { totalCount } } } }
        fragment Parts on Thing { parts { nodes { slot } } }
        """,
        context_value=GraphQLContext(bus),
    )
    found = {"nodes": [{"slot": "left"}]}
    assert (result.errors, result.data) == (
        None,
        {"one": {"nodes": [{"parts": found}]}, "other": {"nodes": [{"parts": {**found, "totalCount": 7}}]}},
    )
