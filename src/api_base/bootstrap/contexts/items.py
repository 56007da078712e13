"""The context `items`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from api_base.application.common.cqrs import Registration, on
from api_base.application.items import permissions
from api_base.application.items.commands.archive_item import ArchiveItem, ArchiveItemHandler
from api_base.application.items.commands.batch_items import BatchItems, BatchItemsHandler
from api_base.application.items.commands.create_item import CreateItem, CreateItemHandler
from api_base.application.items.commands.delete_item import DeleteItem, DeleteItemHandler
from api_base.application.items.commands.import_items import ITEM_SCHEMA, ImportItemFile, ImportItems, ItemImporter, StartItemImport
from api_base.application.items.commands.publish_item import PublishItem, PublishItemHandler
from api_base.application.items.commands.restore_item import RestoreItem, RestoreItemHandler
from api_base.application.items.commands.update_item import UpdateItem, UpdateItemHandler
from api_base.application.items.queries import GetItem, ListItems
from api_base.application.items.streams import PRICE_CHANGES
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.roles import ADMINS, MEMBERS, VIEWERS
from api_base.bootstrap.importing import FileImport, rows_handler
from api_base.domain.items.events import ItemChanged, ItemCreated, ItemDeleted, ItemPriceChanged, ItemRestored, ItemStatusChanged
from api_base.infrastructure import items
from api_base.infrastructure.db.unit_of_work import savepoint
from api_base.infrastructure.items.queries import GetItemHandler, ListItemsHandler
from api_base.infrastructure.items.repository import SqlItemRepository
from api_base.infrastructure.items.tables import ITEMS as ITEMS_TABLE
from api_base.interface.v1 import items as v1


def _handlers(ports: Ports) -> Sequence[Registration]:
    repository = SqlItemRepository(ports.database)
    return [
        on(CreateItem, CreateItemHandler(repository, ports.ids, ports.clock)),
        on(UpdateItem, UpdateItemHandler(repository, ports.clock)),
        on(DeleteItem, DeleteItemHandler(repository, ports.clock)),
        on(RestoreItem, RestoreItemHandler(repository, ports.clock)),
        on(PublishItem, PublishItemHandler(repository, ports.clock)),
        on(ArchiveItem, ArchiveItemHandler(repository, ports.clock)),
        on(BatchItems, BatchItemsHandler(repository, ports.ids, ports.clock, ports.checker, savepoint)),
        on(ImportItems, rows_handler(ports, ItemImporter(repository, ports.ids, ports.clock))),
        on(GetItem, GetItemHandler(ports.database)),
        on(ListItems, ListItemsHandler(ports.database)),
    ]


IMPORT: Final = FileImport(schema=ITEM_SCHEMA, job_name="items.import", start=StartItemImport, file=ImportItemFile, rows=ImportItems)
"""Items of a file."""

ITEMS: Final = Context(
    name="items",
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
    remote={"items.get": GetItem, "items.create": CreateItem},
    routes=v1.routes,
)
