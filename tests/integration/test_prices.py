"""Items with prices in several currencies, of which version 1 knows the first: what it writes leaves the others as they are."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running
from tests.graphql_harness import GraphQLApi, graphql_api
from tests.integration.test_upload_imports import Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")

EUR: Final = {"amount": "12.50", "currency": "EUR"}
USD: Final = {"amount": "13.90", "currency": "USD"}
JPY: Final = {"amount": "1900", "currency": "JPY"}
CREATE: Final = "mutation($input: CreateItemInput!) { createItem(input: $input) { item { price { amount } prices { amount currency } } } }"
UPDATE: Final = """
mutation($id: ID!, $input: PatchItemInput!) { updateItem(id: $id, expectedVersion: null, input: $input) { item { prices { amount currency } } } }
"""
FIND: Final = "query($sku: String!) { items(filter: {sku: {eq: $sku}}) { edges { node { id } } } }"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graphql(shared_migrated: Urls) -> AsyncIterator[GraphQLApi]:
    async with graphql_api(shared_migrated) as opened:
        yield opened


@pytest.fixture
def api(graphql: GraphQLApi) -> Running:
    return graphql.api


async def priced(api: Running, owner: Person, *prices: dict[str, str], sku: str = "CHAIR") -> str:
    """Return the id of an item with these prices."""
    body = {"sku": sku, "name": "Chair", "category": "furniture", "prices": list(prices)}
    made = await api.client.post("/api/v2/items", json=body, headers=owner.headers)
    assert (made.status_code, made.json()["prices"]) == (201, list(prices)), made.text
    assert "price" not in made.json()
    return str(made.json()["id"])


async def read(api: Running, owner: Person, id: str, version: int = 2) -> dict[str, Any]:
    answer = await api.client.get(f"/api/v{version}/items/{id}", headers=owner.headers)
    found: dict[str, Any] = answer.json()
    return found


async def patched(api: Running, owner: Person, id: str, change: dict[str, Any], version: int = 1) -> tuple[int, dict[str, Any]]:
    answer = await api.client.patch(f"/api/v{version}/items/{id}", json=change, headers={**owner.headers, "If-Match": "*"})
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("change", "shown", "kept"),
    [
        ({"price": {"amount": "15.00"}}, {**EUR, "amount": "15.00"}, [{**EUR, "amount": "15.00"}, USD, JPY]),
        ({"price": {"currency": "GBP"}}, {**EUR, "currency": "GBP"}, [{**EUR, "currency": "GBP"}, USD, JPY]),
        ({"price": {"amount": "9.00", "currency": "CHF"}}, {"amount": "9.00", "currency": "CHF"}, [{"amount": "9.00", "currency": "CHF"}, USD, JPY]),
        ({"price": {}}, EUR, [EUR, USD, JPY]),
        ({"name": "Stool", "tags": ["wood"]}, EUR, [EUR, USD, JPY]),
        ({"price": None}, USD, [USD, JPY]),
    ],
)  # fmt: skip
async def test_a_patch_by_version_1_keeps_the_prices_that_it_does_not_see(
    api: Running, change: dict[str, Any], shown: dict[str, str], kept: list[dict[str, str]]
) -> None:
    owner = await api.person()
    id = await priced(api, owner, EUR, USD, JPY)
    status, answer = await patched(api, owner, id, change)
    assert (status, answer["price"]) == (200, shown)
    assert "prices" not in answer
    assert (await read(api, owner, id))["prices"] == kept
    batch = {"operations": [{"action": "update", "id": id, "changes": {"price": {"amount": "1"}}}]}
    done = await api.client.post("/api/v1/items/batch", json=batch, headers=owner.headers)
    assert done.json()["results"][0]["item"]["price"]["currency"] == shown["currency"]
    assert (await read(api, owner, id))["prices"][1:] == kept[1:]


@pytest.mark.parametrize(
    ("version", "change", "pointer", "code"),
    [
        (1, {"price": {"currency": "USD"}}, "/body/price/currency", "duplicate"),
        (1, {"price": {"amount": "-1"}}, "/body/price/amount", "negative"),
        (1, {"price": {"amount": "x"}}, "/body/price/amount", "decimal"),
        (1, {"price": {"currency": "EURO"}}, "/body/price/currency", "string_too_long"),
        (1, {"prices": [EUR]}, "/body/prices", "extra_forbidden"),
        (2, {"price": EUR}, "/body/price", "extra_forbidden"),
        (2, {"prices": [EUR, USD, EUR]}, "/body/prices/2/currency", "duplicate"),
        (2, {"prices": [EUR, {"amount": "1.234", "currency": "USD"}]}, "/body/prices/1/amount", "precision"),
        (2, {"prices": [EUR] * 51}, "/body/prices", "too_long"),
        (2, {"prices": EUR}, "/body/prices", "list_type"),
    ],
)
async def test_a_refusal_points_to_what_was_sent_and_changes_nothing(
    api: Running, version: int, change: dict[str, Any], pointer: str, code: str
) -> None:
    owner = await api.person()
    id = await priced(api, owner, EUR, USD)
    status, problem = await patched(api, owner, id, change, version)
    assert (status, [(one["pointer"], one["code"]) for one in problem["errors"]]) == (422, [(pointer, code)])
    if code in ("duplicate", "negative", "decimal", "precision"):
        batch = {"operations": [{"action": "update", "id": id, "changes": change}]}
        done = await api.client.post(f"/api/v{version}/items/batch", json=batch, headers=owner.headers)
        assert [one["pointer"] for one in done.json()["errors"]] == [pointer.replace("/body", "/body/operations/0/changes")]
    assert (await read(api, owner, id))["prices"] == [EUR, USD]


async def test_version_1_creates_and_lists_by_the_first_price(api: Running) -> None:
    owner = await api.person()
    made = await api.item(owner, sku="OLD", price=EUR)
    assert (await read(api, owner, made["id"]))["prices"] == [EUR]
    free = await api.item(owner, sku="FREE", price=None)
    assert (await read(api, owner, free["id"]))["prices"] == []
    await priced(api, owner, USD, EUR, sku="NEW")
    for version, shown in ((1, [EUR]), (2, [[EUR]])):
        query = f"price.currency=EUR&price.amount[ge]=12.50&fields=price{'s' if version == 2 else ''}"
        listed = await api.client.get(f"/api/v{version}/items?{query}", headers=owner.headers)
        assert [[*one.values()] for one in listed.json()["items"]] == [[one] for one in shown]


@pytest.mark.parametrize("accept", ["text/csv", "application/jsonl"])
@pytest.mark.parametrize("version", [1, 2])
async def test_an_export_of_each_version_is_imported_without_a_change(
    api: Running, shared_migrated: Urls, version: int, accept: str
) -> None:
    owner = await api.person()
    ids = [await priced(api, owner, *prices, sku=f"S-{number}") for number, prices in enumerate(((), (EUR,), (EUR, USD, JPY)))]
    before = [await read(api, owner, id) for id in ids]
    file = await api.client.get(f"/api/v{version}/items", headers={**owner.headers, "Accept": accept})
    done = (await Desk(api, shared_migrated, owner).imported(file.content, media_type=accept))["result"]
    assert {name: done[name] for name in ("rows", "unchanged", "refused")} == {"rows": 3, "unchanged": 3, "refused": 0}
    assert [await read(api, owner, id) for id in ids] == before


async def test_a_file_with_one_price_keeps_the_others_and_one_without_takes_none_away(api: Running, shared_migrated: Urls) -> None:
    owner = await api.person()
    dear, several = await priced(api, owner, EUR, USD, sku="A"), await priced(api, owner, EUR, USD, sku="B")
    rows = b"sku,name,category,price,currency\nA,Chair,furniture,14.00,EUR\nB,Stool,furniture,,\n"
    done = (await Desk(api, shared_migrated, owner).imported(rows, media_type="text/csv"))["result"]
    assert {name: done[name] for name in ("updated", "refused")} == {"updated": 1, "refused": 1}
    assert (await read(api, owner, dear))["prices"] == [{**EUR, "amount": "14.00"}, USD]
    assert await read(api, owner, several) == {**await read(api, owner, several), "name": "Chair", "prices": [EUR, USD]}


async def test_graphql_has_both_and_takes_one(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    chair = {"sku": "BY-GRAPHQL", "name": "Chair", "category": "furniture"}
    made = await graphql.data(ana, CREATE, input=chair | {"price": EUR})
    assert made["createItem"]["item"] == {"price": {"amount": "12.50"}, "prices": [EUR]}
    id = (await graphql.data(ana, FIND, sku="BY-GRAPHQL"))["items"]["edges"][0]["node"]["id"]
    for given, prices in (({"prices": [EUR, USD]}, [EUR, USD]), ({"price": {"amount": "1.00"}}, [{**EUR, "amount": "1.00"}, USD])):
        done = await graphql.data(ana, UPDATE, id=id, input=given)
        assert done["updateItem"]["item"] == {"prices": prices}
    _, extensions = await graphql.refused(ana, UPDATE, id=id, input={"price": EUR, "prices": [USD]})
    assert [(one["pointer"], one["code"]) for one in extensions["errors"]] == [("/input/price", "twice")]
    operation = {"action": "CREATE", "item": chair | {"sku": "BY-BATCH", "price": EUR}}
    batch = "mutation($input: BatchInput!) { batchItems(input: $input) { batchAnswer { results { item { prices { currency } } } } } }"
    answer = await graphql.data(ana, batch, input={"operations": [operation]})
    assert answer["batchItems"]["batchAnswer"]["results"] == [{"item": {"prices": [{"currency": "EUR"}]}}]
