"""Items by GraphQL, on a real database: nodes, connections, filters, and what other tenants see."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.graphql_harness import GraphQLApi, global_id, graphql_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

ITEM = "query($id: ID!) { item(id: $id) { id uuid sku version status price { amount currency } createdAt } }"
NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
PAGE = """
query($first: Int!, $after: String, $filter: ItemFilter, $sort: [ItemSort!]) {
  items(first: $first, after: $after, filter: $filter, sort: $sort) {
    edges { cursor node { sku } } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graphql(shared_migrated: Urls) -> AsyncIterator[GraphQLApi]:
    async with graphql_api(shared_migrated) as opened:
        yield opened


async def test_an_item_is_read_as_by_rest(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    made = await graphql.api.item(ana, price={"amount": "12.50", "currency": "EUR"})
    item = (await graphql.data(ana, ITEM, id=global_id("Item", made["id"])))["item"]
    assert item == {
        "id": global_id("Item", made["id"]),
        "uuid": made["id"],
        "sku": made["sku"],
        "version": 1,
        "status": "DRAFT",
        "price": {"amount": "12.50", "currency": "EUR"},
        "createdAt": made["created_at"],
    }


async def test_an_item_of_another_tenant_is_null_as_an_unknown_id_is(graphql: GraphQLApi) -> None:
    ana, bo = await graphql.api.person(), await graphql.api.person()
    foreign = global_id("Item", (await graphql.api.item(ana))["id"])
    for id in (foreign, global_id("Item", uuid4())):
        assert await graphql.data(bo, ITEM, id=id) == {"item": None}
        assert await graphql.data(bo, NODE, id=id) == {"node": None}
    assert await graphql.data(ana, NODE, id=foreign) == {"node": {"__typename": "Item", "id": foreign}}


async def test_an_id_that_is_none_is_refused_with_its_argument(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    for id in ("", "garbage", "é", "A" * 5000, str(uuid4())):
        _, extensions = await graphql.refused(ana, ITEM, id=id)
        assert (extensions["code"], extensions["errors"][0]["pointer"]) == ("VALIDATION", "/id")
    _, extensions = await graphql.refused(ana, ITEM, id=global_id("Tenant", ana.tenant_id))
    assert extensions["errors"][0]["message"] == "is an id of Tenant; an id of Item is expected"


async def test_pages_follow_the_cursors_of_edges(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    skus = [(await graphql.api.item(ana, sku=f"P-{number}"))["sku"] for number in range(5)]
    sort = [{"field": "SKU"}]
    first = (await graphql.data(ana, PAGE, first=2, sort=sort))["items"]
    assert [edge["node"]["sku"] for edge in first["edges"]] == skus[:2]
    assert first["totalCount"] == 5
    start, end = (edge["cursor"] for edge in first["edges"])
    assert first["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False, "startCursor": start, "endCursor": end}
    inner = (await graphql.data(ana, PAGE, first=200, sort=sort, after=start))["items"]
    assert [edge["node"]["sku"] for edge in inner["edges"]] == skus[1:]
    assert (inner["pageInfo"]["hasNextPage"], inner["pageInfo"]["hasPreviousPage"]) == (False, True)


async def test_what_a_list_refuses_is_named_by_its_argument(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    _, extensions = await graphql.refused(ana, PAGE, first=201, filter={"priceAmount": {"ge": "1"}}, after="x")
    assert [one["pointer"] for one in extensions["errors"]] == ["/filter/priceAmount/ge", "/first"]
    _, extensions = await graphql.refused(ana, PAGE, first=1, after="x")
    assert [one["pointer"] for one in extensions["errors"]] == ["/after"]
