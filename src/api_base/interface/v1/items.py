"""/api/v1/items: a tenant's catalogue."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from api_base.application.common.cqrs import Bus
from api_base.application.common.importing.start_import import StartedImportDTO
from api_base.application.common.listing import ListRequest, Page
from api_base.application.items.commands.batch_items import BatchItems
from api_base.application.items.commands.create_item import CreateItem
from api_base.application.items.commands.import_items import ITEM_SCHEMA, StartItemImport
from api_base.application.items.commands.item_transitions import ArchiveItem, DeleteItem, PublishItem, RestoreItem
from api_base.application.items.commands.update_item import UpdateItem
from api_base.application.items.dtos import ItemDTO
from api_base.application.items.queries import ITEM_FIELDS, GetItem, ListItems
from api_base.interface.routes import ExpectedVersion, ListQuery, OptionalVersion, RouteOptions, Router
from api_base.interface.v1.bodies.batches import BatchAnswer, BatchBody, answer
from api_base.interface.v1.bodies.imports import IMPORT_EXAMPLE, ImportBody, mapping_of
from api_base.interface.v1.bodies.items import CreateItemBody, PatchItemBody

EXAMPLE = {
    "sku": "CHAIR-1",
    "name": "Chair",
    "description": "Four legs",
    "prices": [{"amount": "12.50", "currency": "EUR"}, {"amount": "13.90", "currency": "USD"}],
    "category": "furniture",
    "tags": ["wood"],
    "attributes": {"colour": "red"},
}


def routes(bus: Bus) -> Router:
    router = Router(prefix="/items", tags=["items"])

    @router.post(
        "",
        RouteOptions(versioned=True, location="./items/{id}", example={"body": EXAMPLE}),
        status_code=201,
        summary="Create an item",
    )
    async def create_item(body: CreateItemBody) -> ItemDTO:
        return await bus.execute(CreateItem(details=body.details()))

    @router.get("", RouteOptions(sparse=True, example={"query": "status=draft&sort=-created_at&limit=2"}), summary="List items")
    async def list_items(request: Annotated[ListRequest, Depends(ListQuery(ITEM_FIELDS, searchable=True))]) -> Page[ItemDTO]:
        return await bus.execute(ListItems(request=request))

    @router.get("/{id}", RouteOptions(versioned=True, sparse=True), summary="Read an item")
    async def get_item(id: UUID) -> ItemDTO:
        return await bus.execute(GetItem(id=id))

    @router.patch("/{id}", RouteOptions(versioned=True, example={"body": {"name": "Armchair"}}), summary="Change an item")
    async def update_item(id: UUID, expected: ExpectedVersion, body: PatchItemBody) -> ItemDTO:
        return await bus.execute(UpdateItem(id=id, expected_version=expected, changes=body.details()))

    @router.delete("/{id}", RouteOptions(), status_code=204, summary="Delete an item")
    async def delete_item(id: UUID, expected: ExpectedVersion) -> None:
        await bus.execute(DeleteItem(id=id, expected_version=expected))

    @router.post("/{id}/restore", RouteOptions(versioned=True), summary="Restore a deleted item")
    async def restore_item(id: UUID, expected: OptionalVersion) -> ItemDTO:
        return await bus.execute(RestoreItem(id=id, expected_version=expected))

    @router.post("/{id}/publish", RouteOptions(versioned=True), summary="Publish an item")
    async def publish_item(id: UUID, expected: OptionalVersion) -> ItemDTO:
        return await bus.execute(PublishItem(id=id, expected_version=expected))

    @router.post("/{id}/archive", RouteOptions(versioned=True), summary="Archive an item")
    async def archive_item(id: UUID, expected: OptionalVersion) -> ItemDTO:
        return await bus.execute(ArchiveItem(id=id, expected_version=expected))

    _many(router, bus)
    return router


def _many(router: Router, bus: Bus) -> None:
    """Routes that change many items."""

    @router.post(
        "/batch",
        RouteOptions(body_limit=8 * 1_048_576, example={"body": {"mode": "atomic", "operations": [{"action": "create", "item": EXAMPLE}]}}),
        summary="Change up to 1,000 items",
    )
    async def batch_items(body: BatchBody) -> BatchAnswer:
        operations = [operation.operation() for operation in body.operations]
        return answer(operations, await bus.execute(BatchItems(operations=operations, mode=body.mode)))

    @router.post(
        "/imports",
        RouteOptions(location="/api/{version}/jobs/{job_id}", example=IMPORT_EXAMPLE),
        status_code=202,
        summary="Import items from a file",
        description=mapping_of(ITEM_SCHEMA),
    )
    async def import_items(body: ImportBody) -> StartedImportDTO:
        return await bus.execute(StartItemImport(**body.command()))
