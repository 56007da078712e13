"""What MCP clients see of items."""

from typing import Final
from uuid import UUID

from api_base.application.items import permissions
from api_base.application.items.commands.create_item import CreateItem
from api_base.application.items.commands.import_items import StartItemImport
from api_base.application.items.commands.item_transitions import ArchiveItem, DeleteItem, PublishItem, RestoreItem
from api_base.application.items.commands.update_item import UpdateItem
from api_base.application.items.queries import ITEM_FIELDS, GetItem, ListItems
from api_base.interface.mcp.declared import Exposed, McpResource, Tool
from api_base.interface.v1.bodies.imports import ImportBody
from api_base.interface.v1.bodies.items import CreateItemBody, PatchItemBody


def _read(item: UUID) -> GetItem:
    return GetItem(id=item)


ITEMS: Final[tuple[Exposed, ...]] = (
    Tool(message=GetItem, description="Read one item of the catalogue by its id."),
    Tool(
        message=ListItems,
        description="List items of the catalogue: filtered, sorted, searched, in pages.",
        listing=ITEM_FIELDS,
        searchable=True,
    ),
    Tool(
        message=CreateItem,
        description="Create an item as a draft. Its sku must be unique.",
        body=CreateItemBody,
        fields=lambda body: {"details": body.details()},
    ),
    Tool(
        message=UpdateItem,
        description="Change the given members of an item. expected_version is the version that you read; null accepts any.",
        body=PatchItemBody,
        fields=lambda body: {"changes": body.details()},
    ),
    Tool(message=PublishItem, description="Publish an item, which then must have a price. expected_version null accepts any version."),
    Tool(message=ArchiveItem, description="Withdraw a published item and keep its data. expected_version null accepts any version."),
    Tool(message=DeleteItem, description="Delete an item. It can be restored. expected_version null accepts any version."),
    Tool(message=RestoreItem, description="Restore a deleted item. expected_version null accepts any version."),
    Tool(
        message=StartItemImport,
        description="Import items from an uploaded file, in the background. file_id names the file.",
        body=ImportBody,
        fields=lambda body: body.command(),
        tenant="tenant_id",
        job=lambda started: started.job_id,
    ),
    McpResource(path="items", message=_read, permission=permissions.READ, name="item", description="An item as JSON."),
)
