"""Publishing an item issues an invoice to its tenant only: on a real PostgreSQL, through the bus."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from api_base.application.common.listing import ListRequest
from api_base.application.items.commands.create_item import CreateItem
from api_base.application.items.commands.item_transitions import PublishItem
from api_base.bootstrap import migrations
from api_base.bootstrap.contexts.loading import contexts_of
from api_base.bootstrap.graphql import graphql_schema
from api_base.bootstrap.services import Services, build, opened
from api_base.bootstrap.worker import create_worker
from api_base.core.config import Settings
from api_base.core.errors import Conflict, NotFound
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from api_base.domain.common.value_objects import Money
from api_base.domain.items.entities import ItemDetails
from api_base.infrastructure.db.embedded import EmbeddedServer, Urls
from api_base.interface.graphql.context import GraphQLContext
from api_base.serving.resolving import on
from api_base.serving.worker import run_worker
from invoices.invoicing import ListInvoices, PayInvoice

CONTEXTS, _ = contexts_of(Settings(contexts=("invoices:INVOICES",)))  # as `CONTEXTS=invoices:INVOICES` adds it
CHAIR = ItemDetails(sku="CHAIR-1", name="Chair", category="furniture", price=Money(minor=1250, currency="EUR"))


def act_for_a_new_tenant() -> None:
    everything = frozenset(permission for context in CONTEXTS for permission in context.permissions)
    user, tenant = UserId(uuid4()), TenantId(uuid4())
    principal = Principal(user_id=user, session_id=None, tenant_id=tenant, role="owner", platform_admin=False, permissions=everything)
    current_context.set(RequestContext(request_id="test", principal=principal))


@asynccontextmanager
async def worked(settings: Settings, urls: Urls) -> AsyncIterator[None]:
    """Run a worker, as `api-base worker` does, so that publications inside the block are invoiced."""
    stop = asyncio.Event()
    work = asyncio.create_task(run_worker(create_worker(settings, CONTEXTS), urls, stop))
    try:
        yield
    finally:
        stop.set()
        await work


async def read_by_graphql(services: Services, invoice: UUID) -> None:
    """The context's node, its list, and its relation to an item of another context; `payInvoice` is its route."""
    routers = [(context.prefix, context.routes(services.bus)) for context in CONTEXTS if context.routes is not None]
    schema = graphql_schema(CONTEXTS, routers)()
    query = "{ invoices { nodes { id uuid fee { amount } item { sku } } } }"
    result = await schema.execute(query, context_value=GraphQLContext(services.bus))
    (found,) = result.data["invoices"]["nodes"]
    assert (found["uuid"], found["fee"], found["item"]) == (str(invoice), {"amount": "1.00"}, {"sku": "CHAIR-1"})
    result = await schema.execute("query($id: ID!) { node(id: $id) { id } }", {"id": found["id"]}, GraphQLContext(services.bus))
    assert result.data == {"node": {"id": found["id"]}}
    assert "payInvoice(\n    id: ID!\n" in schema.as_str()


async def publish_and_pay(settings: Settings, urls: Urls) -> None:
    async with opened(build(settings, CONTEXTS)) as services, worked(settings, urls):
        execute = services.bus.execute
        act_for_a_new_tenant()
        item = await execute(CreateItem(details=CHAIR))
        await execute(PublishItem(id=item.id, expected_version=None))
        async with asyncio.timeout(30):
            while not (issued := (await execute(ListInvoices(request=ListRequest()))).items):
                await asyncio.sleep(0.02)
        (invoice,) = issued
        await read_by_graphql(services, invoice.id)
        assert (invoice.item_id, invoice.fee.amount, invoice.paid_at) == (item.id, "1.00", None)
        await execute(PayInvoice(id=invoice.id))
        with pytest.raises(Conflict, match="was paid"):
            await execute(PayInvoice(id=invoice.id))
        act_for_a_new_tenant()
        assert not (await execute(ListInvoices(request=ListRequest()))).items
        with pytest.raises(NotFound):
            await execute(PayInvoice(id=invoice.id))


def test_publishing_is_invoiced_and_paid_once() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder), fsync=False)
        urls = server.start()
        try:
            settings = on(Settings(), urls)
            migrations.up(settings, urls, CONTEXTS)
            asyncio.run(publish_and_pay(settings, urls))
        finally:
            server.stop()
