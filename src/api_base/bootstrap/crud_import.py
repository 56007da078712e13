"""Imports of a plain resource by its key: `crud(…, key=…, imports=True)`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from api_base.application.common.cqrs import Registration, on
from api_base.application.common.importing.schema import ImportSchema
from api_base.application.common.resources import Owner
from api_base.application.common.resources.importing import ResourceImporter, ResourceRow
from api_base.bootstrap.context import Ports
from api_base.bootstrap.crud_messages import Messages
from api_base.bootstrap.importing import FileImport, rows_handler
from api_base.domain.common.resource import Resource
from api_base.interface.versioning.shapes import NEWEST, Shapes

if TYPE_CHECKING:
    from api_base.bootstrap.crud import Crud


def resource_import[D](messages: Messages[D], schema_of: Callable[[Shapes], ImportSchema[ResourceRow]]) -> FileImport[ResourceRow]:
    """Return the import of a resource. `schema_of` returns what a version of the API imports."""
    start, file, rows = messages.of_import()
    schema = schema_of(NEWEST)
    return FileImport(schema=schema, older=schema_of, job_name=f"{schema.kind}.import", start=start, file=file, rows=rows)


def importing[T: Resource, D](resource: "Crud[T, D]", made: FileImport[ResourceRow], ports: Ports, owner: Owner) -> Registration:
    """Return the handler that saves rows."""
    key, repository = resource.routes_of.key, resource.repository(ports.database)
    assert key is not None  # or it has no import
    found = repository.among(key)

    async def of_keys(keys: Sequence[str]) -> Mapping[str, T]:
        return {getattr(one, key): one for one in await found(keys)}

    importer = ResourceImporter(repository, of_keys, resource.aggregate, owner, ports.ids, ports.clock, resource.events, resource.to_dto)
    return on(made.rows, rows_handler(ports, importer))
