"""The routes of a plain resource: create, list, read, change, delete, and restore if the resource can be restored."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends

from api_base.application.common.cqrs import Bus, Query
from api_base.application.common.importing.schema import ImportSchema
from api_base.application.common.importing.start_import import StartedImportDTO, StartImport
from api_base.application.common.listing import Fields, ListRequest, OffsetPage, Page
from api_base.application.common.resources import (
    CreateResource,
    DeleteResource,
    FindResource,
    GetResource,
    GetResourceByKey,
    ListResources,
    RestoreResource,
    UpdateResource,
)
from api_base.application.common.resources.importing import ResourceRow
from api_base.core.errors import Invalid
from api_base.core.shared.naming import in_path, with_article, words
from api_base.interface.routes import ExpectedVersion, ListQuery, OffsetQuery, OptionalVersion, RouteOptions, Router
from api_base.interface.routes.renaming import WIRES, Rename
from api_base.interface.routes.router import Paging
from api_base.interface.routes.versions import OLDER_ROUTE
from api_base.interface.v1.bodies.imports import IMPORT_EXAMPLE, ImportBody, mapping_of
from api_base.interface.v1.bodies.resources import ResourceBody
from api_base.interface.versioning.shapes import NEWEST, Shapes
from api_base.interface.versioning.versions import OlderRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRoute:
    """The command that starts an import, and what its rows are in a version of the API."""

    start: type[StartImport]
    schema_of: Callable[[Shapes], ImportSchema[ResourceRow]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRoutes[D]:
    """What the routes of a resource are made of. `plural` is its path and tag, `singular` names its functions (`create_note`).

    `declared_at` is the place that the check at start shows for them. `key` is the attribute that names the resource in paths; without one, it
    is the id. `get_by_key` and `find` are the queries by it.
    """

    plural: str
    singular: str
    dto: type[D]
    fields: Fields
    searchable: bool
    create: type[CreateResource[D]]
    get: type[GetResource[D]]
    list: type[ListResources[D]]
    update: type[UpdateResource[D]]
    delete: type[DeleteResource]
    restore: type[RestoreResource[D]] | None
    create_body: type[ResourceBody]
    patch_body: type[ResourceBody]
    example: Mapping[str, Any] = field(default_factory=dict)
    paging: Paging = "cursor"
    rename: Rename | None = None
    key: str | None = None
    get_by_key: type[GetResourceByKey[D]] | None = None
    find: type[FindResource] | None = None
    imports: ImportRoute | None = None

    @property
    def bodies(self) -> tuple[type[ResourceBody], type[ResourceBody]]:
        """Return the bodies that create and change the resource, which a `Change` of it names beside the DTO."""
        return self.create_body, self.patch_body

    @property
    def path(self) -> str:
        """Return the path below the prefix."""
        return f"/{in_path(self.plural)}"

    def reading(self, name: Any) -> Query[D]:
        """Return the query of the resource that a path names."""
        return self.get(id=name) if self.get_by_key is None else self.get_by_key(key=name)

    async def id_of(self, bus: Bus, name: Any) -> UUID:
        """Return the id of the resource that a path names. Raises `NotFound` for a key that none has."""
        return name if self.find is None else await bus.execute(self.find(key=name))

    declared_at: str


def resource_router[D](bus: Bus, routes: ResourceRoutes[D], own: Router | None = None) -> Router:
    """Return the routes of a resource: those of `own`, which has its prefix, and the others of its six."""
    path = routes.path
    router = Router(prefix=path, tags=[routes.plural], rename=routes.rename) if own is None else own
    replaced = {(one.method, one.path) for one in router.definitions}
    a_resource = with_article(routes.singular)

    def add(
        verb: str, method: str, end: str, endpoint: Callable[..., Any], answer: Any, summary: str, options: RouteOptions, **more: Any
    ) -> None:
        """Add a route with the types of this resource, unless `own` has it."""
        if (method, path + end) not in replaced:
            endpoint.__annotations__ |= {"return": answer}
            if "{" in end and routes.key is not None:
                endpoint = _by_key(endpoint, routes.key)
            endpoint.__name__ = endpoint.__qualname__ = f"{verb}_{routes.plural if verb in ('list', 'import') else routes.singular}"
            endpoint.__dict__["declared_at"] = routes.declared_at
            getattr(router, method.lower())(end, options, summary=summary, **more)(endpoint)

    async def create(body: ResourceBody) -> Any:
        return await _in_body(bus.execute(routes.create(values=body.values())))

    create.__annotations__["body"] = routes.create_body
    one, id_of = f"/{{{routes.key or 'id'}}}", partial(routes.id_of, bus)
    example = {"body": {WIRES[routes.rename](name) if routes.rename else name: value for name, value in routes.example.items()}}
    created = RouteOptions(versioned=True, location=f".{path}{one}", example=example)
    add("create", "POST", "", create, routes.dto, f"Create {a_resource}", created, status_code=201)

    listed, answer = _listed(bus, routes)
    options = RouteOptions(sparse=True, paging=routes.paging, example={"query": "limit=2"})
    add("list", "GET", "", listed, answer, f"List {words(routes.plural)}", options)

    async def get(id: UUID) -> Any:
        return await bus.execute(routes.reading(id))

    add("get", "GET", one, get, routes.dto, f"Read {a_resource}", RouteOptions(versioned=True, sparse=True))

    async def update(id: UUID, expected: ExpectedVersion, body: ResourceBody) -> Any:
        return await _in_body(bus.execute(routes.update(id=await id_of(id), expected_version=expected, changes=body.values())))

    update.__annotations__["body"] = routes.patch_body
    changed = RouteOptions(versioned=True, example=example)
    add("update", "PATCH", one, update, routes.dto, f"Change {a_resource}", changed)

    async def delete(id: UUID, expected: ExpectedVersion) -> None:
        await bus.execute(routes.delete(id=await id_of(id), expected_version=expected))

    add("delete", "DELETE", one, delete, None, f"Delete {a_resource}", RouteOptions(), status_code=204)
    if (message := routes.restore) is not None:

        async def restore(id: UUID, expected: OptionalVersion) -> Any:
            return await bus.execute(message(id=await id_of(id), expected_version=expected))

        summary = f"Restore a deleted {words(routes.singular)}"
        add("restore", "POST", f"{one}/restore", restore, routes.dto, summary, RouteOptions(versioned=True))
    _add_import(add, bus, routes)
    return router


def _add_import[D](add: Callable[..., None], bus: Bus, routes: ResourceRoutes[D]) -> None:
    """Add the route that starts an import, if the resource is imported."""
    if (imports := routes.imports) is None:
        return

    def of_version(number: int | None) -> Callable[..., Any]:
        async def import_file(body: ImportBody) -> Any:
            return await bus.execute(imports.start(**body.command(), version=number))

        import_file.__annotations__["return"] = StartedImportDTO
        return import_file

    import_file = of_version(None)
    import_file.__dict__[OLDER_ROUTE] = OlderRoute(
        of=routes.create_body,
        made=of_version,
        described=lambda shapes: mapping_of(imports.schema_of(shapes)),
    )
    options = RouteOptions(location="/api/{version}/jobs/{job_id}", example=IMPORT_EXAMPLE)
    summary, said = f"Import {words(routes.plural)} from a file", mapping_of(imports.schema_of(NEWEST))
    add("import", "POST", "/imports", import_file, StartedImportDTO, summary, options, status_code=202, description=said)


def _listed[D](bus: Bus, routes: ResourceRoutes[D]) -> tuple[Callable[..., Any], Any]:
    """Return the function that lists the resources, and the type of its result."""
    by_offset = routes.paging == "offset"

    async def listed(request: ListRequest) -> Any:
        page = await bus.execute(routes.list(request=request))
        return OffsetPage.of(page, request) if by_offset else page

    query = (OffsetQuery if by_offset else ListQuery)(routes.fields, searchable=routes.searchable)
    listed.__annotations__["request"] = Annotated[ListRequest, Depends(query)]
    return listed, (OffsetPage if by_offset else Page)[routes.dto]


def _by_key(endpoint: Callable[..., Any], key: str) -> Callable[..., Any]:
    """Return `endpoint` with a text in its first parameter, which is named `key`, as in the path."""
    id, *others = inspect.signature(endpoint).parameters.values()

    async def named(**given: Any) -> Any:
        return await endpoint(given.pop(key), **given)

    first = id.replace(name=key, annotation=str)
    kept = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (first, *others)]
    setattr(named, "__signature__", inspect.Signature(kept, return_annotation=endpoint.__annotations__["return"]))  # noqa: B010 -- mypy knows no such attribute of a function
    named.__annotations__ = {key: str} | {name: hint for name, hint in endpoint.__annotations__.items() if name != id.name}
    return named


async def _in_body[A](answer: Awaitable[A]) -> A:
    """Locate what a rule refuses in the body here: an attribute may be called `body` itself, or `path`, as a part of the request."""
    try:
        return await answer
    except Invalid as error:
        raise error.under("/body") from None
