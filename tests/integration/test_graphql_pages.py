"""Connections in both directions, at the root and nested: every node once, in one order, and an error that names what is wrong with an argument."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person
from tests.graphql_harness import GraphQLApi, graphql_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOTS: Final = ("a", "b", "c", "d", "picture")
ROOT: Final = (
    "query($first: Int, $after: String, $last: Int, $before: String, $sort: [ItemSort!]) { found: items(first: $first, after: $after, last: $last,"
    " before: $before, sort: $sort) { edges { cursor node { key: sku } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
)
NESTED: Final = (
    "query($id: ID!, $first: Int, $after: String, $last: Int, $before: String, $sort: [AttachedFileSort!]) { item(id: $id) { found:"
    " attachments(first: $first, after: $after, last: $last, before: $before, sort: $sort) { edges { cursor node { key: slot } }"
    " pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"
)
SKUS: Final = tuple(f"S-{number}" for number in range(5))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graphql(shared_migrated: Urls) -> AsyncIterator[GraphQLApi]:
    async with graphql_api(shared_migrated) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owner(graphql: GraphQLApi) -> Person:
    """Of five items with five attachments each."""
    ana = await graphql.api.person()
    file = await graphql.api.uploaded(ana, b"a,b\n1,2\n")
    for sku in SKUS:
        item = await graphql.api.item(ana, sku=sku)
        for slot in SLOTS:
            path = f"/api/v1/files/attachments/items/{item['id']}/{slot}"
            assert (await graphql.api.client.put(path, json={"file_id": file}, headers=ana.headers)).status_code == 200
    return ana


async def item_ids(graphql: GraphQLApi, owner: Person) -> list[str]:
    found = await graphql.data(owner, "{ items(sort: [{field: SKU}]) { nodes { id } } }")
    return [node["id"] for node in found["items"]["nodes"]]


async def page(graphql: GraphQLApi, owner: Person, query: str, **arguments: Any) -> tuple[list[str], Mapping[str, Any]]:
    data = await graphql.data(owner, query, **arguments)
    found = data["found"] if "found" in data else data["item"]["found"]
    edges = found["edges"]
    if edges:
        assert (edges[0]["cursor"], edges[-1]["cursor"]) == (found["pageInfo"]["startCursor"], found["pageInfo"]["endCursor"])
    return [edge["node"]["key"] for edge in edges], found["pageInfo"]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("size", [1, 2, 5])
async def test_walks_in_both_directions_meet_every_node_once(
    graphql: GraphQLApi, owner: Person, size: int, nested: bool, direction: str
) -> None:
    query, keys, field = (NESTED, SLOTS, "SLOT") if nested else (ROOT, SKUS, "SKU")
    given: dict[str, Any] = {"id": (await item_ids(graphql, owner))[0]} if nested else {}
    given["sort"] = [{"field": field, "direction": direction}]
    ordered = list(keys) if direction == "ASC" else list(reversed(keys))
    forward, after, more = [], None, True
    while more:
        found, info = await page(graphql, owner, query, first=size, after=after, **given)
        assert info["hasPreviousPage"] is (after is not None)
        forward, after, more = [*forward, *found], info["endCursor"], info["hasNextPage"]
    backward, before, more = [], None, True
    while more:
        found, info = await page(graphql, owner, query, last=size, before=before, **given)
        assert info["hasNextPage"] is (before is not None)
        backward, before, more = [*found, *backward], info["startCursor"], info["hasPreviousPage"]
    assert forward == backward == ordered


async def test_a_text_search_has_pages_from_its_end_too(graphql: GraphQLApi, owner: Person) -> None:
    query = """query($first: Int, $last: Int, $before: String) { found: items(q: "chair", first: $first, last: $last, before: $before) {
        edges { cursor node { key: sku } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    whole, _ = await page(graphql, owner, query, first=200)
    assert sorted(whole) == list(SKUS)
    end, info = await page(graphql, owner, query, last=2)
    assert (end, info["hasPreviousPage"]) == (whole[3:], True)
    rest, info = await page(graphql, owner, query, last=3, before=info["startCursor"])
    assert (rest, info["hasPreviousPage"], info["hasNextPage"]) == (whole[:3], False, True)


async def test_a_page_may_lie_between_two_cursors(graphql: GraphQLApi, owner: Person) -> None:
    sort = [{"field": "SKU"}]
    edges = (await graphql.data(owner, ROOT, sort=sort))["found"]["edges"]
    between = {"after": edges[0]["cursor"], "before": edges[4]["cursor"], "sort": sort}
    assert await page(graphql, owner, ROOT, first=2, **between) == (list(SKUS[1:3]), info(edges, 1, 2))
    assert await page(graphql, owner, ROOT, last=2, **between) == (list(SKUS[2:4]), info(edges, 2, 3))
    none = await page(graphql, owner, ROOT, after=edges[2]["cursor"], before=edges[3]["cursor"], sort=sort)
    assert none == ([], {"hasNextPage": True, "hasPreviousPage": True, "startCursor": None, "endCursor": None})


def info(edges: list[Any], first: int, last: int) -> Mapping[str, Any]:
    cursors = {"startCursor": edges[first]["cursor"], "endCursor": edges[last]["cursor"]}
    return {"hasNextPage": True, "hasPreviousPage": True, **cursors}


@pytest.mark.parametrize(
    ("arguments", "pointer", "message"),
    [
        ("first: 0", "/first", "must be a whole number from 1 to 200"),
        ("first: -1", "/first", "must be a whole number from 1 to 200"),
        ("first: 201", "/first", "must be a whole number from 1 to 200"),
        ("last: 0", "/last", "must be a whole number from 1 to 200"),
        ("first: 2, last: 2", "/last", "must not be used together with first"),
        ('after: ""', "/after", "is not a cursor; use next_cursor of the previous page"),
        ('after: "ü"', "/after", "is not a cursor; use next_cursor of the previous page"),
        ('before: ""', "/before", "is not a cursor; use next_cursor of the previous page"),
        ('before: "ü\\u0000"', "/before", "is not a cursor; use next_cursor of the previous page"),
        ('before: "e30"', "/before", "is not a cursor; use next_cursor of the previous page"),
    ],
)
@pytest.mark.parametrize("field", ["items", "attachments"])
async def test_a_wrong_argument_is_named(
    graphql: GraphQLApi, owner: Person, field: str, arguments: str, pointer: str, message: str
) -> None:
    query = f"{{ items({arguments}) {{ nodes {{ id }} }} }}"
    if field != "items":
        query = f"{{ items(first: 1) {{ nodes {{ attachments({arguments}) {{ nodes {{ slot }} }} }} }} }}"
    _, extensions = await graphql.refused(owner, query)
    assert extensions["code"] == "VALIDATION"
    (error,) = extensions["errors"]
    assert (error["pointer"], error["message"]) == (pointer, message)


async def test_null_is_as_good_as_no_argument(graphql: GraphQLApi, owner: Person) -> None:
    nothing = dict.fromkeys(("first", "after", "last", "before", "sort"))
    assert len((await page(graphql, owner, ROOT, **nothing))[0]) == 5


async def test_a_cursor_belongs_to_its_list_its_parent_and_its_tenant(graphql: GraphQLApi, owner: Person) -> None:
    stranger = await graphql.api.person()
    query = "{ items(first: 1) { edges { cursor } } files(first: 1) { edges { cursor } } members { edges { cursor } } }"
    cursors = {name: found["edges"][0]["cursor"] for name, found in (await graphql.data(owner, query)).items()}
    ids = await item_ids(graphql, owner)
    nested = (await graphql.data(owner, NESTED, id=ids[0], first=1))["item"]["found"]["edges"][0]["cursor"]
    assert len((await page(graphql, owner, NESTED, id=ids[0], after=nested))[0]) == 4
    refused: list[tuple[Person, str, dict[str, Any]]] = [
        (owner, ROOT, {"after": cursors["files"]}),
        (owner, ROOT, {"before": cursors["files"]}),
        (owner, ROOT, {"after": cursors["members"]}),
        (owner, ROOT, {"after": cursors["items"], "sort": [{"field": "SKU"}]}),
        (owner, ROOT, {"after": nested}),
        (owner, NESTED, {"id": ids[1], "after": nested}),
        (owner, NESTED, {"id": ids[0], "before": cursors["items"]}),
        (stranger, ROOT, {"after": cursors["items"]}),
    ]
    for person, query, arguments in refused:
        _, extensions = await graphql.refused(person, query, **arguments)
        (error,) = extensions["errors"]
        assert error["pointer"] == ("/before" if "before" in arguments else "/after"), arguments
        assert "belongs to another list, sort, filter or tenant" in error["message"], arguments


async def test_aliases_of_a_connection_have_pages_of_their_own(graphql: GraphQLApi, owner: Person) -> None:
    query = """{ items(first: 1) { nodes {
        start: attachments(first: 2) { ...Slots } end: attachments(last: 2) { ...Slots }
        some: attachments(filter: {slot: {startsWith: "pic"}}) { ...Slots } none: attachments(filter: {slot: {eq: "ü"}}) { ...Slots }
        skipped: attachments @skip(if: true) { ...Slots }
    } } } fragment Slots on AttachedFileConnection { nodes { slot } totalCount }"""
    (found,) = (await graphql.data(owner, query))["items"]["nodes"]
    slots = {name: ([node["slot"] for node in one["nodes"]], one["totalCount"]) for name, one in found.items()}
    assert slots == {"start": (["a", "b"], 5), "end": (["d", "picture"], 5), "some": (["picture"], 1), "none": ([], 0)}


async def test_the_history_of_an_item_is_for_those_who_read_the_trail(graphql: GraphQLApi, owner: Person) -> None:
    viewer = await graphql.api.member(owner, "viewer")
    query = "{ items(first: 2) { nodes { sku history { nodes { action } } } } }"
    seen = await graphql.execute(viewer, query)
    assert seen.data is not None
    assert [node["history"] for node in seen.data["items"]["nodes"]] == [None, None]
    assert {(error.extensions or {})["code"] for error in seen.errors or ()} == {"FORBIDDEN"}
    found = (await graphql.data(owner, query))["items"]["nodes"]
    assert [node["history"]["nodes"][-1]["action"] for node in found] == ["item.created", "item.created"]


async def test_the_picture_is_found_behind_any_number_of_files(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    item, file = await graphql.api.item(ana), await graphql.api.uploaded(ana, b"a,b\n1,2\n")
    for slot in (*(f"a{number}" for number in range(21)), "picture"):
        path = f"/api/v1/files/attachments/items/{item['id']}/{slot}"
        assert (await graphql.api.client.put(path, json={"file_id": file}, headers=ana.headers)).status_code == 200
    (found,) = (await graphql.data(ana, "{ items { nodes { picture { uuid } files { slot } } } }"))["items"]["nodes"]
    assert found["picture"] == {"uuid": file}
    assert [one["slot"] for one in found["files"]] == [*sorted(f"a{number}" for number in range(21))[:19], "picture"]
