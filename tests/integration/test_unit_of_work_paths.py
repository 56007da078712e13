"""The one-statement path and the BEGIN … COMMIT path leave identical databases, whatever is done in whatever order."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from api_base.core.errors import ApiBaseError
from api_base.core.protocols import Isolation
from api_base.domain.common.value_objects import Money
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.unit_of_work import savepoint
from tests.factories.items import NOW, item
from tests.support import Stored, act_for, stored

TENANTS = [UUID(int=1), UUID(int=2)]
SKUS = ["A", "B", "ß\\"]
PLAIN = ("publish", "archive", "delete", "restore", "remove")

# what has a meaning somewhere on the way: to array literals, JSON, LIKE, SQL; combining, astral and right-to-left characters
texts = st.text(st.sampled_from("aZ '\"\\{},%_$1;\n\t\x01\x7fé\u0301İ\u202e\uffff\U0001f600\U0010ffff"), max_size=6)
names = texts.map("x{}".format) | texts
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
attributes = st.dictionaries(
    texts,
    st.recursive(st.none() | st.booleans() | numbers | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=3),
    max_size=2,
)
prices = st.lists(st.builds(Money, minor=st.sampled_from([-1, 0, 1, 2**63 - 1]), currency=st.sampled_from(["EUR", "JPY"])), max_size=3).map(
    tuple
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "sku": st.sampled_from(SKUS),
        "name": names,
        "description": texts,
        "prices": prices,
        "category": names,
        "tags": st.lists(texts, max_size=3).map(tuple),
        "attributes": attributes,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    action: str
    tenant: UUID
    sku: str
    changes: Mapping[str, Any]


def _steps(actions: Sequence[str], changes: st.SearchStrategy[Mapping[str, Any]]) -> st.SearchStrategy[Step]:
    places = {"tenant": st.sampled_from(TENANTS), "sku": st.sampled_from(SKUS)}
    return st.builds(Step, action=st.sampled_from(actions), changes=changes, **places)


steps = _steps(("create", "change", "stale"), changes) | _steps(PLAIN, st.just({}))
units = st.lists(steps, min_size=1, max_size=1) | st.lists(steps, min_size=2, max_size=3)


def _step(action: str, **changes: Any) -> Step:
    return Step(action=action, tenant=TENANTS[0], sku="A", changes=changes)


A_LIFE = [
    _step("create", prices=(), tags=(), attributes={}),
    _step("create"),
    _step("stale", name="stale"),
    _step("change", name=""),
    _step("change", prices=(Money(minor=1, currency="EUR"), Money(minor=2, currency="JPY")), attributes={"a": [None, {"b": 2**70}]}),
    *(_step(action) for action in ("publish", "publish", "archive", "delete", "archive", "restore", "restore", "remove")),
]
"""What becomes of an item, refusals included."""


class Side:
    """One of the two databases, written by one of the two paths."""

    def __init__(self, store: Stored, owner: asyncpg.Connection, *, in_transaction: bool) -> None:
        self._store, self._owner, self._in_transaction = store, owner, in_transaction

    async def run(self, script: list[list[Step]]) -> tuple[list[str], list[Counter[tuple[Any, ...]]]]:
        """What came of each unit on empty tables, and what they hold after_response."""
        await self._owner.execute("truncate items, audit")
        self._ids = count(1)
        return [await self._apply(unit) for unit in script], await self._contents()

    async def _apply(self, unit: list[Step]) -> str:
        """Do the steps in one unit of work. A savepoint makes it take BEGIN … COMMIT."""
        act_for(unit[0].tenant, UUID(int=9))
        try:
            async with self._store.begin(Isolation.OPTIMISTIC):
                if self._in_transaction:
                    async with savepoint():
                        await self._change(unit)
                else:
                    await self._change(unit)
        except ApiBaseError as error:
            return type(error).__name__
        return "done"

    async def _change(self, unit: list[Step]) -> None:
        for step in unit:
            await self._one(step, unit[0].tenant)

    async def _one(self, step: Step, tenant: UUID) -> None:
        items = self._store.items
        if step.action == "create":
            await items.create(item(id=UUID(int=next(self._ids)), tenant_id=tenant, **{"sku": step.sku, "name": "Chair", **step.changes}))
            return
        found = (await items.by_skus([step.sku])).get(step.sku)
        if found is None:
            return
        if step.action == "remove":
            await items.remove(found)
            return
        if step.action == "stale":
            found.version += 1
        act: dict[str, Callable[[], Any]] = {
            "change": lambda: found.change(NOW, **step.changes),
            "stale": lambda: found.change(NOW, **step.changes),
            "publish": lambda: found.publish(NOW),
            "archive": lambda: found.archive(NOW),
            "delete": lambda: found.delete(NOW),
            "restore": lambda: found.restore(NOW),
        }
        if act[step.action]() is not False:
            await items.update(found)

    async def _contents(self) -> list[Counter[tuple[Any, ...]]]:
        """Every row; of the audit all but its own ids."""
        columns = "tenant_id, at, actor_id, request_id, trace_id, address, action, entity, entity_id, before, after"
        queries = ("select * from items", f"select {columns} from audit")
        return [Counter(tuple(map(_comparable, row)) for row in await self._owner.fetch(query)) for query in queries]


def _comparable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Sides:
    """Both of them, on a loop of their own: a property is no coroutine."""

    def __init__(self, pair: tuple[Urls, Urls]) -> None:
        self._runner, self._stack, self.outcomes = asyncio.Runner(), AsyncExitStack(), set[str]()
        self._sides = self._runner.run(self._open(pair))

    async def _open(self, pair: tuple[Urls, Urls]) -> list[Side]:
        sides = []
        for in_transaction, urls in zip((False, True), pair, strict=True):
            owner = await asyncpg.connect(urls.owner)
            self._stack.push_async_callback(owner.close)
            sides.append(Side(await self._stack.enter_async_context(stored(urls, size=1)), owner, in_transaction=in_transaction))
        return sides

    def compare(self, script: list[list[Step]]) -> None:
        single, in_transaction = (self._runner.run(side.run(script)) for side in self._sides)
        assert single == in_transaction
        self.outcomes.update(single[0])

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()


@pytest.fixture
def sides(two_migrated: tuple[Urls, Urls]) -> Iterator[Sides]:
    opened = Sides(two_migrated)
    yield opened
    opened.close()


@pytest.mark.slow
def test_both_paths_leave_the_same(sides: Sides) -> None:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

    @settings(max_examples=50, suppress_health_check=slow)
    @given(script=st.lists(units, min_size=4, max_size=14))
    @example(script=[[step] for step in A_LIFE])
    def compare(script: list[list[Step]]) -> None:
        sides.compare(script)

    compare()
    assert sides.outcomes >= {"done", "StaleVersion", "SkuTaken", "Invalid", "ItemIsDeleted", "ItemIsNotDeleted"}
