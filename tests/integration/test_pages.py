"""Walking through all pages of a list shows every row once, in the order that was asked for, also among equal values."""

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from api_base.application.common.listing import Field, Fields, ListRequest, Sort
from api_base.application.items.dtos import ItemDTO
from api_base.application.items.queries import ITEM_FIELDS
from api_base.core.protocols import Isolation
from api_base.core.types import request_tenant
from api_base.domain.common.value_objects import Money
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.query_builder import PageBuilder
from api_base.infrastructure.items.queries import ListItemsHandler, to_dto
from api_base.infrastructure.items.tables import ITEMS
from api_base.interface.listing import list_request
from tests.factories.items import NOW, item
from tests.support import Stored, act_for, stored

COUNT = 60


@pytest.fixture
async def catalogue(shared_migrated: Urls) -> AsyncIterator[Stored]:
    """A new tenant's items: of few different values, in two currencies, some deleted and some without a price."""
    tenant, chance = uuid4(), random.Random(7)
    act_for(tenant)
    async with stored(shared_migrated) as store:
        async with store.begin(Isolation.OPTIMISTIC):
            for number in range(COUNT):
                prices = (Money(minor=chance.randrange(3), currency=chance.choice(("EUR", "USD"))),) if number % 5 else ()
                made = item(
                    tenant_id=tenant, now=NOW + timedelta(seconds=chance.randrange(4)), sku=f"SKU-{number:02}", prices=prices,
                    name=chance.choice(("Ada", "Chair", "chair", "Über")), category=chance.choice("ab"),
                )  # fmt: skip
                if number % 7 == 0:
                    made.delete(NOW + timedelta(hours=chance.randrange(3)))
                await store.items.create(made)
        yield store


async def walked_backward(store: Stored, request: ListRequest) -> list[ItemDTO]:
    pages, found, more = ListItemsHandler(store.database).pages, list[ItemDTO](), True
    request = replace(request, backward=True)
    while more:
        page = await pages.page(request, request_tenant())
        found, more = [*page.items, *found], page.next_cursor is not None
        request = replace(request, before=page.next_cursor)
    return found


async def walked(store: Stored, request: ListRequest) -> list[ItemDTO]:
    pages, found = ListItemsHandler(store.database).pages, []
    while True:
        page = await pages.page(request, request_tenant())
        found += page.items
        if page.next_cursor is None:
            return found
        request = replace(request, cursor=page.next_cursor)


def asked(query: str) -> ListRequest:
    return list_request(query.encode(), ITEM_FIELDS, searchable=True)


type Key = Callable[[ItemDTO], tuple[Any, ...]]


def newest(one: ItemDTO) -> tuple[float, int]:
    return -one.created_at.timestamp(), -one.id.int


def oldest(one: ItemDTO) -> tuple[float, int]:
    return one.created_at.timestamp(), one.id.int


ORDERS: dict[str, Key] = {
    "": newest,
    "sort=created_at": oldest,
    "sort=name": lambda one: (one.name, *oldest(one)),
    "sort=category,name": lambda one: (one.category, one.name, *oldest(one)),
    "sort=category,-name": lambda one: (one.category, *(-ord(letter) for letter in one.name), *newest(one)),
    "category=a": newest,
    "category[in]=a,b": lambda one: (one.category, *oldest(one)),
    "name[ge]=Chair": lambda one: (one.name, *oldest(one)),
    "name[ge]=Chair&sort=-created_at": newest,
    "category=a&name[starts_with]=C": lambda one: (one.name, *oldest(one)),
    "category[ne]=a": newest,
    "price.currency=EUR&price.amount[le]=0.01": lambda one: (one.prices[0].amount if one.prices else "", *oldest(one)),
    "price.currency=EUR": newest,
    "price.currency[is_null]=true": newest,
    "deleted_at[is_null]=false": newest,
    "deleted_at[ge]=2026-01-02T00:00:00Z": lambda one: (one.deleted_at, *oldest(one)),
    "q=chair&sort=-created_at": newest,
}


@pytest.mark.parametrize("query", ORDERS)
async def test_all_pages_are_the_whole_list_in_order(catalogue: Stored, query: str) -> None:
    request = asked(query)
    whole = await walked(catalogue, replace(request, limit=COUNT))
    assert len(whole) > 4
    by_pages = [one.id for one in await walked(catalogue, replace(request, limit=4))]
    assert by_pages == [one.id for one in sorted(whole, key=ORDERS[query])]
    assert len(set(by_pages)) == len(by_pages)
    assert [one.id for one in await walked_backward(catalogue, replace(request, limit=4))] == by_pages


async def test_descending_is_the_reverse(catalogue: Stored) -> None:
    async def ids(query: str) -> list[UUID]:
        return [one.id for one in await walked(catalogue, replace(asked(query), limit=3))]

    for field in ITEM_FIELDS.sortable:
        needed = "&price.currency=EUR" if field.startswith("price") else ""
        assert await ids(f"sort=-{field}{needed}") == (await ids(f"sort={field}{needed}"))[::-1]


async def test_search_finds_what_holds_the_words_and_nothing_else(catalogue: Stored) -> None:
    everything = await walked(catalogue, ListRequest())
    for q, word in (("über", "Über"), ("CHAIR", "chair"), ("adA", "Ada")):
        found = {one.id for one in await walked(catalogue, asked(f"q={quote(q)}"))}
        assert found == {one.id for one in everything if one.name.lower() == word.lower()}
        assert 0 < len(found) < len(everything)
    assert await walked(catalogue, asked("q=sofa")) == []


async def test_a_last_page_that_is_just_full_is_the_last(catalogue: Stored) -> None:
    pages, request = ListItemsHandler(catalogue.database).pages, asked("category=a")
    count = len(await walked(catalogue, replace(request, limit=COUNT)))
    just_full = await pages.page(replace(request, limit=count), request_tenant())
    assert (len(just_full.items), just_full.next_cursor) == (count, None)
    one_less = await pages.page(replace(request, limit=count - 1), request_tenant())
    assert len(one_less.items) == count - 1
    rest = await pages.page(replace(request, limit=count - 1, cursor=one_less.next_cursor), request_tenant())
    assert (len(rest.items), rest.next_cursor) == (1, None)


DELETED: Final = Fields(
    Field(name="deleted_at", kind=datetime, operators=frozenset(), sortable=True, nullable=True),
    Field(name="name", kind=str, operators=frozenset(), sortable=True),
    default_sort=(Sort(field="name"),),
)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("second", [False, True])
async def test_nulls_are_last_in_both_directions_of_an_order_and_of_a_walk(catalogue: Stored, descending: bool, second: bool) -> None:
    columns = {"deleted_at": ITEMS.c.deleted_at, "name": ITEMS.c.name}
    pages = PageBuilder(catalogue.database, ITEMS, DELETED, columns, to_dto)
    sort = (Sort(field="deleted_at", descending=descending), Sort(field="name", descending=second))
    whole = await pages.page(ListRequest(sort=sort, limit=COUNT), request_tenant())
    deleted = [one.deleted_at for one in whole.items]
    times = [one for one in deleted if one is not None]
    assert deleted == [*sorted(times, reverse=descending), *([None] * (COUNT - len(times)))]
    assert 1 < len(times) < COUNT - 1
    for position, cursor in enumerate(whole.cursors):
        after = await pages.page(ListRequest(sort=sort, cursor=cursor, limit=COUNT), request_tenant())
        assert after.items == whole.items[position + 1 :]
        before = await pages.page(ListRequest(sort=sort, before=cursor, limit=COUNT, backward=True), request_tenant())
        assert before.items == whole.items[:position]
