"""The context `items`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import Registration, on
from api_base.application.common.realtime import Channel, PublicEvent
from api_base.application.common.search import DeclaredIndex
from api_base.application.files.commands.attachments import Attachable
from api_base.application.items import permissions
from api_base.application.items.commands import batch_items, create_item, import_items, item_transitions, update_item
from api_base.application.items.queries import GetItem, GetItemsByIds, ListItems
from api_base.application.items.search import ITEM_EVENTS, ITEM_INDEX
from api_base.application.items.streams import PRICE_CHANGES
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.roles import ADMINS, MEMBERS, VIEWERS
from api_base.bootstrap.importing import FileImport, rows_handler
from api_base.core.protocols import PeriodicTask
from api_base.domain.items.entities import Item
from api_base.domain.items.events import ItemChanged, ItemCreated, ItemDeleted, ItemPriceChanged, ItemRestored, ItemStatusChanged
from api_base.infrastructure import items
from api_base.infrastructure.db.unit_of_work import savepoint
from api_base.infrastructure.items.queries import GetItemHandler, GetItemsByIdsHandler, ListItemsHandler
from api_base.infrastructure.items.repository import SqlItemRepository
from api_base.infrastructure.items.search import ItemDocuments
from api_base.infrastructure.items.tables import ITEMS as ITEMS_TABLE
from api_base.infrastructure.text_search import pruner
from api_base.interface.mcp import items as mcp_tools
from api_base.interface.v1 import items as v1
from api_base.interface.v2 import items as v2


def _read(item: UUID) -> GetItem:
    return GetItem(id=item)


def _handlers(ports: Ports) -> Sequence[Registration]:
    repository = SqlItemRepository(ports.database)
    return [
        on(create_item.CreateItem, create_item.CreateItemHandler(repository, ports.ids, ports.clock)),
        on(update_item.UpdateItem, update_item.UpdateItemHandler(repository, ports.clock)),
        on(item_transitions.DeleteItem, item_transitions.ItemTransitionHandler(repository, ports.clock, Item.delete)),
        on(item_transitions.RestoreItem, item_transitions.ItemTransitionHandler(repository, ports.clock, Item.restore)),
        on(item_transitions.PublishItem, item_transitions.ItemTransitionHandler(repository, ports.clock, Item.publish)),
        on(item_transitions.ArchiveItem, item_transitions.ItemTransitionHandler(repository, ports.clock, Item.archive)),
        on(batch_items.BatchItems, batch_items.BatchItemsHandler(repository, ports.ids, ports.clock, ports.checker, savepoint)),
        on(import_items.ImportItems, rows_handler(ports, import_items.ItemImporter(repository, ports.ids, ports.clock))),
        on(GetItem, GetItemHandler(ports.database)),
        on(GetItemsByIds, GetItemsByIdsHandler(ports.database)),
        on(ListItems, ListItemsHandler(ports.database, ports.settings.search.candidates)),
    ]


IMPORT: Final = FileImport(
    schema=import_items.ITEM_SCHEMA,
    job_name="items.import",
    start=import_items.StartItemImport,
    file=import_items.ImportItemFile,
    rows=import_items.ImportItems,
)
"""Items of a file."""

SEARCHED: Final = DeclaredIndex[Ports](
    definition=ITEM_INDEX, events=ITEM_EVENTS, source=lambda ports: ItemDocuments(ports.database, ports.worker_database)
)


def _background(ports: Ports) -> Sequence[PeriodicTask]:
    words = pruner.WordPruner(ports.worker_database.pool, "items".__eq__, "search_items_unused($1, $2)")
    return [PeriodicTask(name="prune words of items", interval=pruner.INTERVAL, run=words.run)]


_CHANNELS: Final = (
    Channel(kind="items", message=GetItem, read=_read),
    PublicEvent(event="items.created.v1", fields=("aggregate_id", "sku"), to={"items": "aggregate_id"}, permission=permissions.READ),
    PublicEvent(event="items.changed.v1", fields=("aggregate_id", "fields"), to={"items": "aggregate_id"}, permission=permissions.READ),
    PublicEvent(
        event="items.price_changed.v2",
        fields=("aggregate_id", "category", "before", "after"),
        to={"items": "aggregate_id"},
        permission=permissions.READ,
    ),
    PublicEvent(
        event="items.price_changed.v1",
        fields=("aggregate_id", "category", "before", "before_currency", "after", "after_currency"),
        to={"items": "aggregate_id"},
        permission=permissions.READ,
    ),
    PublicEvent(
        event="items.status_changed.v1",
        fields=("aggregate_id", "before", "after"),
        to={"items": "aggregate_id"},
        permission=permissions.READ,
    ),
    PublicEvent(event="items.deleted.v1", fields=("aggregate_id",), to={"items": "aggregate_id"}, permission=permissions.READ),
    PublicEvent(event="items.restored.v1", fields=("aggregate_id",), to={"items": "aggregate_id"}, permission=permissions.READ),
)

ITEMS: Final = Context(
    name="items",
    requires=("tenants", "files", "audit", "jobs"),
    tables=(ITEMS_TABLE,),
    migrations=Path(items.__path__[0]) / "migrations",
    permissions={
        permissions.READ: VIEWERS,
        permissions.CREATE: MEMBERS,
        permissions.UPDATE: MEMBERS,
        permissions.PUBLISH: MEMBERS,
        permissions.DELETE: ADMINS,
        permissions.IMPORT: ADMINS,
    },
    handlers=_handlers,
    events=(ItemCreated, ItemChanged, ItemPriceChanged, ItemStatusChanged, ItemDeleted, ItemRestored),
    streams=(PRICE_CHANGES,),
    importable=(IMPORT,),
    attachable=(Attachable(kind="items", permission=permissions.UPDATE, read=_read),),
    search_indexes=(SEARCHED,),
    channels=_CHANNELS,
    background=_background,
    remote={"items.get": GetItem, "items.create": create_item.CreateItem},
    mcp=mcp_tools.ITEMS,
    routes=v1.routes,
    changes=v2.CHANGES,
    graphql="api_base.interface.graphql.items:ITEMS",
)
