"""Publishing an item issues an invoice to its tenant only: by HTTP and GraphQL, on a real PostgreSQL."""

from collections.abc import Awaitable, Callable
from typing import Any

from api_base.testing import Acting, Actor

CHAIR = {"sku": "CHAIR-1", "name": "Chair", "category": "furniture", "price": {"amount": "12.50", "currency": "EUR"}}


async def published(ana: Actor) -> str:
    """The id of an item that is published."""
    item = (await ana.client.post("/api/v1/items", json=CHAIR)).json()
    answer = await ana.client.post(f"/api/v1/items/{item['id']}/publish", headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text
    id: str = item["id"]
    return id


async def invoices(actor: Actor) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await actor.client.get("/api/v1/invoices")).json()["items"]
    return found


async def test_publishing_is_invoiced_and_paid_once(acting: Acting, run_worker: Callable[[], Awaitable[None]]) -> None:
    ana = await acting()
    item = await published(ana)
    await run_worker()
    (invoice,) = await invoices(ana)
    assert (invoice["item_id"], invoice["fee"]["amount"], invoice["paid_at"]) == (item, "1.00", None)
    pay = f"/api/v1/invoices/{invoice['id']}/pay"
    assert [(await ana.client.post(pay)).status_code for _ in range(2)] == [204, 409]


async def test_another_tenant_sees_and_pays_nothing(acting: Acting, run_worker: Callable[[], Awaitable[None]]) -> None:
    ana, eva = await acting(), await acting()
    await published(ana)
    await run_worker()
    (invoice,) = await invoices(ana)
    assert await invoices(eva) == []
    assert (await eva.client.post(f"/api/v1/invoices/{invoice['id']}/pay")).status_code == 404


async def test_viewers_do_not_pay(acting: Acting, run_worker: Callable[[], Awaitable[None]]) -> None:
    ana = await acting()
    viewer = await acting(role="viewer", tenant=ana.tenant_id)
    await published(ana)
    await run_worker()
    (invoice,) = await invoices(viewer)
    assert (await viewer.client.post(f"/api/v1/invoices/{invoice['id']}/pay")).status_code == 403


async def test_graphql_shows_an_invoice_with_its_item(acting: Acting, run_worker: Callable[[], Awaitable[None]]) -> None:
    ana = await acting()
    await published(ana)
    await run_worker()
    query = "{ invoices { nodes { id fee { amount } item { sku } } } }"
    (found,) = (await ana.client.post("/graphql", json={"query": query})).json()["data"]["invoices"]["nodes"]
    assert (found["fee"], found["item"]) == ({"amount": "1.00"}, {"sku": "CHAIR-1"})
    again = await ana.client.post("/graphql", json={"query": "query($id: ID!) { node(id: $id) { id } }", "variables": {"id": found["id"]}})
    assert again.json() == {"data": {"node": {"id": found["id"]}}}
