"""The context `items`."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, TextIO

from api_base.application.common.cqrs import Registration, on
from api_base.application.common.jobs import Job
from api_base.application.items import permissions
from api_base.application.items.commands.archive_item import ArchiveItem, ArchiveItemHandler
from api_base.application.items.commands.batch_items import BatchItems, BatchItemsHandler
from api_base.application.items.commands.create_item import CreateItem, CreateItemHandler
from api_base.application.items.commands.delete_item import DeleteItem, DeleteItemHandler
from api_base.application.items.commands.import_items import ImportItems, ImportItemsHandler
from api_base.application.items.commands.import_upload import ImportUpload, ImportUploadHandler
from api_base.application.items.commands.import_upload_rows import ImportUploadRows, ImportUploadRowsHandler
from api_base.application.items.commands.publish_item import PublishItem, PublishItemHandler
from api_base.application.items.commands.restore_item import RestoreItem, RestoreItemHandler
from api_base.application.items.commands.start_import import StartImport, StartImportHandler
from api_base.application.items.commands.update_item import UpdateItem, UpdateItemHandler
from api_base.application.items.importing import Form, Record
from api_base.application.items.queries.get_item import GetItem
from api_base.application.items.queries.list_items import ListItems
from api_base.application.items.streams import PRICE_CHANGES
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.roles import ADMINS, MEMBERS, VIEWERS
from api_base.domain.items.events import ItemChanged, ItemCreated, ItemDeleted, ItemPriceChanged, ItemRestored, ItemStatusChanged
from api_base.infrastructure import items
from api_base.infrastructure.db.pruner import Prune
from api_base.infrastructure.db.unit_of_work import savepoint
from api_base.infrastructure.items.queries import GetItemHandler, ListItemsHandler
from api_base.infrastructure.items.repository import SqlItemRepository
from api_base.infrastructure.items.tables import ITEM_IMPORTS
from api_base.infrastructure.items.tables import ITEMS as ITEMS_TABLE
from api_base.infrastructure.items.uploads import DAYS_KEPT, SqlUploads
from api_base.interface.v1 import items as v1


def _records(file: TextIO, form: Form) -> tuple[list[str] | None, Iterator[Record]]:
    """Implements `RecordReader`. It is imported at the first use, which keeps the start fast."""
    from api_base.infrastructure.importing import readers

    return readers.records(file, form)


def _handlers(ports: Ports) -> Sequence[Registration]:
    repository, uploads = SqlItemRepository(ports.database), SqlUploads(ports.database, ports.clock)
    import_items = ImportItemsHandler(repository, ports.ids, ports.clock)
    return [
        on(CreateItem, CreateItemHandler(repository, ports.ids, ports.clock)),
        on(UpdateItem, UpdateItemHandler(repository, ports.clock)),
        on(DeleteItem, DeleteItemHandler(repository, ports.clock)),
        on(RestoreItem, RestoreItemHandler(repository, ports.clock)),
        on(PublishItem, PublishItemHandler(repository, ports.clock)),
        on(ArchiveItem, ArchiveItemHandler(repository, ports.clock)),
        on(BatchItems, BatchItemsHandler(repository, ports.ids, ports.clock, ports.checker, savepoint)),
        on(ImportItems, import_items),
        on(StartImport, StartImportHandler(uploads, _records, ports.jobs, ports.ids)),
        on(ImportUpload, ImportUploadHandler(ports.bus, uploads, _records)),
        on(ImportUploadRows, ImportUploadRowsHandler(import_items, uploads, ports.job_progress)),
        on(GetItem, GetItemHandler(ports.database)),
        on(ListItems, ListItemsHandler(ports.database)),
    ]


ITEMS: Final = Context(
    name="items",
    tables=(ITEMS_TABLE, ITEM_IMPORTS),
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
    jobs=(Job(name="items.import", message=ImportUpload, timeout=3600.0),),
    prune=(Prune(table=ITEM_IMPORTS, ended="created_at", keep=timedelta(days=DAYS_KEPT)),),
    remote={"items.get": GetItem, "items.create": CreateItem},
    routes=v1.routes,
)
