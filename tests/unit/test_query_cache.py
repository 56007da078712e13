"""The stage of the pipeline that caches queries: right for each caller, behind the permission, ended by changes, unused in a unit of work."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg.pgproto.pgproto
import pytest

from api_base.application.common.cqrs import Bus, Cacheable, Command, Query, on
from api_base.application.common.middleware.permission import PermissionMiddleware
from api_base.core.errors import Forbidden, NotFound, ProgrammingError
from api_base.core.types import RequestContext, current_context
from api_base.domain.common.specification import ComparisonOperator, FieldSpecification
from api_base.infrastructure.cache.memory_provider import MemoryCaches
from api_base.infrastructure.cache.query_cache import QueryCache
from api_base.infrastructure.db.unit_of_work import SqlUnitOfWork, current_unit
from api_base.infrastructure.rbac.checker import RolePermissionChecker
from tests.support import act_for

READ, OTHER = "things.read", "things.other"
TENANT, USER = uuid4(), uuid4()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    id: UUID
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GetThing(Query[Thing]):
    permission = READ
    cacheable = Cacheable.BY_PERMISSIONS
    staleness = 60.0
    reads = ("thing",)
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GetMine(GetThing):
    cacheable = Cacheable.BY_USER


@dataclass(frozen=True, slots=True, kw_only=True)
class GetUncached(Query[Thing]):
    permission = READ
    id: UUID


class Things:
    """Answers with a number that is new for each execution."""

    def __init__(self) -> None:
        self.executed: Counter[UUID] = Counter()
        self.missing = False

    async def handle(self, query: Any) -> Thing:
        await asyncio.sleep(0)
        self.executed[query.id] += 1
        if self.missing:
            raise NotFound("thing", query.id)
        return Thing(id=query.id, number=self.executed.total())


class World:
    def __init__(self) -> None:
        self.cache = QueryCache(MemoryCaches())
        self.things = Things()
        self.bus = Bus([PermissionMiddleware(RolePermissionChecker({READ: frozenset({"viewer"}), OTHER: frozenset()})), self.cache])
        self.bus.add([on(query, self.things) for query in (GetThing, GetMine, GetUncached)])

    async def number(self, query: Query[Thing], context: RequestContext | None = None) -> int:
        if context is not None:
            current_context.set(context)
        return (await self.bus.execute(query)).number


@pytest.fixture
def world() -> World:
    act_for(TENANT, USER, permissions=frozenset({READ}))
    return World()


def acting(tenant: UUID | None = TENANT, user: UUID = USER, permissions: frozenset[str] = frozenset({READ})) -> RequestContext:
    return act_for(tenant, user, permissions=permissions)


async def test_the_result_of_a_cacheable_query_is_used_again_and_equal(world: World) -> None:
    one, other = uuid4(), uuid4()
    first = await world.bus.execute(GetThing(id=one))
    assert await world.bus.execute(GetThing(id=one)) == first == Thing(id=one, number=1)
    assert await world.number(GetThing(id=other)) == 2
    assert [await world.number(GetUncached(id=one)) for _ in range(2)] == [3, 4]


async def test_messages_that_differ_anywhere_have_different_results(world: World) -> None:
    """Filters whose fields are equal, but not their classes; numbers; and ids of the driver, which are of a class of its own."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class ListThings(Query[Thing]):
        permission = READ
        cacheable = Cacheable.BY_PERMISSIONS
        staleness = 60.0
        reads = ("thing",)
        id: Any
        filter: Any = None

    world.bus.add([on(ListThings, world.things)])
    low, high = FieldSpecification[Any]("n", ComparisonOperator.GT, 1), FieldSpecification[Any]("n", ComparisonOperator.GT, 2)
    filters = [None, low, high, low & high, low | high, high & low, ~low, "n", b"n", frozenset({"n"}), TENANT, str(TENANT)]
    filters += [1, True, 1.0, "1", 0, False, 0.0, -0.0]  # those that Python takes for equal are not
    numbers = [await world.number(ListThings(id=TENANT, filter=one)) for one in filters]
    assert len(set(numbers)) == len(filters)
    assert [await world.number(ListThings(id=TENANT, filter=one)) for one in filters] == numbers
    id = uuid4()
    assert await world.number(ListThings(id=asyncpg.pgproto.pgproto.UUID(str(id)))) > max(numbers)
    with pytest.raises(ProgrammingError, match="ListThings is cacheable, but has no JSON form"):
        await world.number(ListThings(id=object()))


async def test_200_readers_execute_the_query_once(world: World) -> None:
    id = uuid4()
    assert await asyncio.gather(*(world.number(GetThing(id=id)) for _ in range(200))) == [1] * 200


async def test_tenants_and_permissions_do_not_share_results_and_users_only_where_declared(world: World) -> None:
    """No two of these callers may be answered alike, but for another user with the same permissions."""
    id = uuid4()
    callers = {
        "first": acting(),
        "another user": acting(user=uuid4()),
        "another tenant": acting(tenant=uuid4()),
        "no tenant": acting(tenant=None),
        "more permissions": acting(permissions=frozenset({READ, OTHER})),
    }
    shared = {name: await world.number(GetThing(id=id), context) for name, context in callers.items()}
    assert shared.pop("another user") == shared["first"]
    assert len(set(shared.values())) == 4
    own = {name: await world.number(GetMine(id=id), context) for name, context in callers.items()}
    assert len({*shared.values(), *own.values()}) == 9
    for name, context in callers.items():
        assert await world.number(GetMine(id=id), context) == own[name]


async def test_concurrent_callers_of_two_tenants_do_not_share_a_load(world: World) -> None:
    id, mine, theirs = uuid4(), acting(), acting(tenant=uuid4())
    numbers = await asyncio.gather(*(asyncio.create_task(world.number(GetThing(id=id), one)) for one in (mine, theirs, mine, theirs)))
    assert numbers[0] == numbers[2] != numbers[1] == numbers[3]


async def test_a_lowered_role_is_refused_with_a_hot_cache(world: World) -> None:
    query, context = GetThing(id=uuid4()), acting()
    await world.number(query, context)
    assert context.principal is not None
    with pytest.raises(Forbidden):
        await world.number(query, context.acting(replace(context.principal, permissions=frozenset())))


async def test_a_refusal_is_not_cached(world: World) -> None:
    query, world.things.missing = GetThing(id=uuid4()), True
    for _ in range(2):
        with pytest.raises(NotFound):
            await world.bus.execute(query)
    world.things.missing = False
    assert await world.number(query) == 3


async def test_a_change_ends_the_results_of_its_tenant_only(world: World) -> None:
    query, theirs, mine = GetThing(id=uuid4()), acting(tenant=uuid4()), acting()
    before = await world.number(query, theirs), await world.number(query, mine)
    assert world.cache.entities == {"thing"}
    await world.cache.changed({(TENANT, "other"), (uuid4(), "thing"), (None, "thing")})
    assert (await world.number(query, theirs), await world.number(query, mine)) == before
    await world.cache.changed({(TENANT, "thing")})
    assert await world.number(query, theirs) == before[0]
    assert await world.number(query, mine) == 3


async def notified(world: World, notification: str) -> None:
    world.cache.notified(notification)
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_notification_of_another_process_ends_the_results_of_the_same_changes(world: World) -> None:
    query, theirs, mine, elsewhere = GetThing(id=uuid4()), acting(tenant=uuid4()), acting(), QueryCache(MemoryCaches())
    before = await world.number(query, theirs), await world.number(query, mine)
    for changes in ({(TENANT, "other"), (uuid4(), "thing"), (None, "thing")}, set[tuple[UUID | None, str]]()):
        await notified(world, elsewhere.notification(changes))
        assert (await world.number(query, theirs), await world.number(query, mine)) == before
    await notified(world, world.cache.notification({(TENANT, "thing")}))
    assert await world.number(query, mine) == before[1], "the process that made the change ends its results before it answers"
    for number in (3, 4):
        await notified(world, elsewhere.notification({(TENANT, "thing"), (TENANT, "other")}))
        assert (await world.number(query, theirs), await world.number(query, mine)) == (before[0], number)


async def test_an_error_at_one_notification_leaves_the_next_ones(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    query, mine, elsewhere = GetThing(id=uuid4()), acting(), QueryCache(MemoryCaches())
    before = await world.number(query, mine)

    async def failing(caches: MemoryCaches, owner: UUID, tags: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(MemoryCaches, "invalidate", failing)
        await notified(world, elsewhere.notification({(TENANT, "thing")}))
    assert await world.number(query, mine) == before
    await notified(world, elsewhere.notification({(TENANT, "thing")}))
    assert await world.number(query, mine) == before + 1


def test_changes_that_do_not_fit_in_a_notification_are_not_notified() -> None:
    cache = QueryCache(MemoryCaches())
    one, many = cache.notification({(TENANT, "thing")}), cache.notification({(uuid4(), "thing") for _ in range(200)})
    assert one.split("\n")[1:] == [f"{TENANT} thing"]
    assert many == one.split("\n")[0]
    assert len(cache.notification({(uuid4(), "thing") for _ in range(150)})) < 8000


@pytest.mark.parametrize("notification", ["id\nthing", "id\nno-uuid thing", "id\n"])
def test_a_notification_that_means_nothing_is_refused(world: World, notification: str) -> None:
    with pytest.raises(ValueError, match="badly formed"):
        world.cache.notified(notification)


@contextmanager
def in_unit() -> Iterator[None]:
    token = current_unit.set(cast("SqlUnitOfWork", object()))
    try:
        yield
    finally:
        current_unit.reset(token)


async def test_a_unit_of_work_neither_takes_nor_stores_results(world: World) -> None:
    query = GetThing(id=uuid4())
    with in_unit():
        assert [await world.number(query) for _ in range(2)] == [1, 2]
    assert [await world.number(query) for _ in range(2)] == [3, 3]
    with in_unit():
        assert await world.number(query) == 4
    assert await world.number(query) == 3


@pytest.mark.parametrize(("declared", "value"), [("reads", ()), ("staleness", 0.0), ("max_age", 61), ("max_age", -1)])
def test_a_cacheable_query_declares_what_it_reads_and_how_stale_it_may_be(declared: str, value: Any) -> None:
    incomplete = type("Incomplete", (GetThing,), {declared: value})
    with pytest.raises(ProgrammingError, match="Incomplete is cacheable: declare"):
        QueryCache(MemoryCaches())(incomplete, Things().handle)


def test_other_messages_have_no_such_stage() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Change(Command[None]):
        permission = READ

    call = Things().handle
    assert QueryCache(MemoryCaches())(Change, call) is call
    assert QueryCache(MemoryCaches())(GetUncached, call) is call
