"""`crud`: a plain resource from one declaration. What it makes are the ordinary parts of a context, so that each can be replaced."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, cast

from api_base.application.common.cqrs import Bus, Registration, on
from api_base.application.common.dto import dto_of
from api_base.application.common.jobs import Job
from api_base.application.common.listing import Fields
from api_base.application.common.realtime import Channel, ChannelDeclaration, PublicEvent
from api_base.application.common.resources import (
    Create,
    CreateResource,
    Delete,
    DeleteResource,
    GetResource,
    GetResourceByKey,
    GetResources,
    ListResources,
    Owner,
    Restore,
    RestoreResource,
    Update,
    UpdateResource,
    of_member,
    of_system,
    of_tenant,
    of_user,
    resource_fields,
)
from api_base.application.common.resources.importing import ResourceRow
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.roles import PLATFORM_ADMIN
from api_base.bootstrap.crud_check import refusals
from api_base.bootstrap.crud_import import importing, resource_import
from api_base.bootstrap.crud_messages import Messages, Permissions
from api_base.bootstrap.importing import FileImport
from api_base.core.errors import Fault, WiringError
from api_base.core.protocols import PeriodicTask
from api_base.core.shared.places import Declaration
from api_base.domain.common.events import AnySubscription
from api_base.domain.common.resource import Resource, RestorableResource
from api_base.domain.common.resource_events import ResourceEvent
from api_base.infrastructure.db.aggregate_mapping import aggregate_mapping, entity_name
from api_base.infrastructure.db.query_builder import TextSearch
from api_base.infrastructure.db.query_builder.text_search import search_name
from api_base.infrastructure.db.repository import SqlRepository, TableMapping
from api_base.infrastructure.db.resource_queries import FindByKey, GetById, GetByIds, GetByKey, ListOf, request_owner
from api_base.infrastructure.db.resource_table import resource_table, taken_errors
from api_base.infrastructure.db.schema import DeclaredTable, Ownership, ownership
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.text_search import pruner
from api_base.interface.graphql.declared import GraphQL
from api_base.interface.mcp import Exposed
from api_base.interface.resource_graphql import resource_graphql
from api_base.interface.resource_imports import import_schema
from api_base.interface.resource_routes import ImportRoute, ResourceRoutes, resource_router
from api_base.interface.resource_tools import resource_tools
from api_base.interface.routes import Router
from api_base.interface.routes.renaming import Rename
from api_base.interface.routes.router import Paging
from api_base.interface.v1.bodies.resources import ResourceBody, create_body, example_of, patch_body, undescribed

DECLARES_FOR_ITS_CALLERS: Final = True
_OWNERS: Final[Mapping[Ownership, Owner]] = {Ownership.TENANT: of_tenant, Ownership.USER: of_user, Ownership.SYSTEM: of_system}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crud[T: Resource, D](Declaration):
    """A plain resource. `get`, `list`, `create`, `update`, `delete` and `restore` are its messages: `await bus.execute(NOTES.get(id=…))`.
    `get_by_key` reads it by the text that names it in URLs, if it has a key.

    `mapping` stores it, `to_dto` shows it, `roles` maps its permissions to roles, `search` are the columns that `q` searches, the title first,
    `events` its events by verb (`created`); none unless they are declared.
    """

    name: str
    table: DeclaredTable
    mapping: TableMapping[T]
    to_dto: Callable[[T], D]
    get: type[GetResource[D]]
    get_many: type[GetResources[D]]
    get_by_key: type[GetResourceByKey[D]] | None
    list: type[ListResources[D]]
    create: type[CreateResource[D]]
    update: type[UpdateResource[D]]
    delete: type[DeleteResource]
    restore: type[RestoreResource[D]] | None
    roles: Mapping[str, frozenset[str]]
    search: tuple[str, ...]
    routes_of: ResourceRoutes[D]
    aggregate: type[T]
    events: Mapping[str, type[ResourceEvent]]
    imports: FileImport[ResourceRow] | None
    faults: Sequence[Fault]

    def repository(self, database: Database) -> SqlRepository[T]:
        """Return the repository of the resource, for the owner of the current request."""
        return SqlRepository(database, self.mapping, request_owner(self.table))

    def handlers(self, ports: Ports) -> Sequence[Registration]:
        """Return the ready handlers. Raises `WiringError` for a declaration that does not fit the class."""
        if self.faults:
            raise WiringError(self.faults)
        database, mapping, dto, clock = ports.database, self.mapping, self.to_dto, ports.clock
        repository, entity, owner = self.repository(database), mapping.entity, _OWNERS[ownership(self.table)]
        if owner is of_tenant and "user_id" in self.table.columns:
            owner = of_member
        made = [
            on(self.get, GetById(database, mapping, dto)),
            on(self.get_many, GetByIds(database, mapping, dto)),
            on(self.list, ListOf(database, mapping, dto, self.routes_of.fields, search=self.text_search(ports))),
            on(self.create, Create(repository, self.aggregate, dto, owner, ports.ids, clock, self.events.get("created"))),
            on(self.update, Update(repository, entity, self.aggregate, dto, clock, self.events.get("changed"))),
            on(self.delete, Delete(repository, entity, clock, self.events.get("deleted"))),
        ]
        key, get_by_key, find = self.routes_of.key, self.get_by_key, self.routes_of.find
        if key is not None and get_by_key is not None and find is not None:
            made += [on(get_by_key, GetByKey(database, mapping, dto, key)), on(find, FindByKey(database, mapping, key))]
        if self.restore is not None:
            made.append(self._restoring(self.restore, ports))
        if self.imports is not None:
            made.append(importing(self, self.imports, ports, owner))
        return [one.made_for(self) for one in made]

    def routes(self, bus: Bus, own: Router | None = None) -> Router:
        """Return the routes: those of `own`, a Router with the same prefix, in the place of the ready ones with their method and path."""
        return resource_router(bus, self.routes_of, own)

    def background(self, ports: Ports) -> Sequence[PeriodicTask]:
        """Return the task that removes words which no row has any longer."""
        if (search := self.text_search(ports)) is None:
            return ()
        words = pruner.WordPruner(ports.worker_database.pool, self.table.name.__eq__, search.unused)
        return [PeriodicTask(name=f"prune words of {self.name}", interval=pruner.INTERVAL, run=words.run)]

    @property
    def mcp(self) -> Sequence[Exposed]:
        """Return the messages as tools, but for those of administrators of the platform."""
        tools = resource_tools(self.routes_of)
        return [tool.made_for(self) for tool in tools if self.roles.get(tool.message.permission) != frozenset({PLATFORM_ADMIN})]

    @property
    def channels(self) -> Sequence[ChannelDeclaration]:
        """Return the channels `<name>/<id>`, for who may read the resource, and its events, which go there; none without events, or without a tenant."""
        if not self.events or ownership(self.table) is not Ownership.TENANT:
            return ()
        permission = self.get.permission if self.get.permission in self.roles else None
        channel = Channel(kind=self.name, message=self.get, read=lambda found: self.get(id=found))
        rules = [
            PublicEvent(event=event.name, fields=("aggregate_id",), to={self.name: "aggregate_id"}, permission=permission)
            for event in self.events.values()
        ]
        return [channel.made_for(self), *(rule.made_for(self) for rule in rules)]

    @property
    def graphql(self) -> GraphQL:
        """Return the node and the list; the mutations come from the routes."""
        return resource_graphql(self.routes_of, self.aggregate.__name__, self.get_many, self.name if self.channels else None)

    def context(
        self,
        *,
        handlers: Callable[[Ports], Sequence[Registration]] = lambda ports: (),
        routes: Callable[[Bus], Router] | None = None,
        subscribers: Callable[[Ports], Sequence[AnySubscription]] = lambda ports: (),
        jobs: Sequence[Job] = (),
        tables: Sequence[DeclaredTable] = (),
        requires: Sequence[str] = (),
        migrations: Path | None = None,
    ) -> Context:
        """Return the context of the resource. `handlers` and `routes` are one's own: each replaces the ready one of its message, or of its method and
        path; the others are added. `tables` are further ones, such as relations. `migrations` is by default the folder of that name beside the module of the class.
        For everything else that a context brings: `dataclasses.replace(NOTES.context(), events=(…))`.
        """

        def all_handlers(ports: Ports) -> Sequence[Registration]:
            own = handlers(ports)
            replaced = {one.message for one in own}
            return [*(one for one in self.handlers(ports) if one.message not in replaced), *own]

        return Context(
            name=self.name,
            tables=(self.table, *tables),
            migrations=migrations or Path(str(sys.modules[self.aggregate.__module__].__file__)).parent / "migrations",
            permissions=self.roles,
            handlers=all_handlers,
            events=tuple(self.events.values()),
            subscribers=subscribers,
            jobs=jobs,
            requires=(*requires, *(("files", "jobs") if self.imports else ())),
            importable=(self.imports,) if self.imports else (),
            channels=self.channels,
            routes=lambda bus: self.routes(bus, None if routes is None else routes(bus)),
            background=self.background,
            mcp=self.mcp,
            graphql=self.graphql,
        ).made_for(self)

    def text_search(self, ports: Ports) -> TextSearch | None:
        """Return what `q` searches, also for lists of one's own. None if `search` names nothing."""
        name, candidates = search_name(self.table.name), ports.settings.search.candidates
        return TextSearch(function=name, candidates=candidates, columns=self.search) if self.search else None

    def _restoring(self, message: type[RestoreResource[D]], ports: Ports) -> Registration:
        repository = cast("SqlRepository[RestorableResource]", self.repository(ports.database))
        aggregate, dto = cast("type[RestorableResource]", self.aggregate), cast("Callable[[RestorableResource], D]", self.to_dto)
        return on(message, Restore(repository, self.mapping.entity, aggregate, dto, ports.clock, self.events.get("restored")))


def crud[T: Resource, D](
    cls: type[T],
    dto: type[D],
    *,
    name: str,
    filters: Sequence[str] = (),
    sorts: Sequence[str] = (),
    search: Sequence[str] = (),
    read: frozenset[str] | None = None,
    create: frozenset[str] | None = None,
    update: frozenset[str] | None = None,
    delete: frozenset[str] | None = None,
    events: bool = False,
    paging: Paging = "cursor",
    rename: Rename | None = None,
    key: str | None = None,
    imports: bool = False,
    table: DeclaredTable | None = None,
    mapping: TableMapping[T] | None = None,
    to_dto: Callable[[T], D] | None = None,
    fields: Fields | None = None,
    create_with: type[ResourceBody] | None = None,
    change_with: type[ResourceBody] | None = None,
) -> Crud[T, D]:
    """Declare the plain resource `cls`, shown as `dto`. `name` names its context, its table and its path.

    `filters`, `sorts` and `search` name its attributes: by which lists are filtered and sorted, and what `q` searches, the title first. `read`,
    `create`, `update` and `delete` are the roles that may do it, by default viewers, members, members and administrators of a tenant; the resource of a
    user is that user's alone, and that of the system is changed by administrators of the platform. With `events`, what happens is published
    (`notes.created.v1`), also to connected clients. `paging="offset"` pages its route by offset, with a total. With `rename="camel"`, clients of
    its routes see `dueOn` for `due_on`. `key` names the attribute, a slug that is unique among the resources of an owner, by which paths name the
    resource in the place of its id; with `imports`, rows of files find it by that (`api-base import notes`, `POST /notes/imports`). The other arguments are
    one's own in the place of what is made of the class: its table, its mapping, the function to its DTO, the fields of its lists, and its two bodies.
    """
    stored = table if table is not None else resource_table(cls, name, unique=[key] if key else [])
    permissions = Permissions(name, ownership(stored))
    made = Messages(cls, dto, name, permissions)
    creating, changing = create_with or create_body(cls), change_with or patch_body(cls)
    imported = resource_import(made, partial(import_schema, cls, name, key, creating, changing, rename)) if imports and key else None
    routes = ResourceRoutes(
        plural=name,
        singular=entity_name(cls),
        dto=dto,
        fields=fields or resource_fields(cls, filters, sorts),
        searchable=bool(search),
        create=made.create,
        get=made.get,
        list=made.list,
        update=made.update,
        delete=made.delete,
        restore=made.restore,
        create_body=creating,
        patch_body=changing,
        example=example_of(cls),
        paging=paging,
        rename=rename,
        key=key,
        get_by_key=made.get_by_key if key else None,
        find=made.find if key else None,
        imports=None if imported is None else ImportRoute(start=imported.start, schema_of=imported.schema_of),
        declared_at=made.declared_at,
    )
    refused = [*refusals(cls, stored, filters=filters, sorts=sorts, search=search, key=key, imports=imports)]
    if create_with is None or change_with is None:
        refused += undescribed(cls)
    return Crud(
        name=name,
        table=stored,
        mapping=mapping or aggregate_mapping(cls, stored, constraint_errors=taken_errors(cls, key, stored) if key else None),
        to_dto=to_dto or dto_of(dto),
        get=made.get,
        get_many=made.get_many,
        get_by_key=routes.get_by_key,
        list=made.list,
        create=made.create,
        update=made.update,
        delete=made.delete,
        restore=made.restore,
        roles=permissions.roles(read=read, create=create, update=update, delete=delete, **({"import": update} if imports else {})),
        search=tuple(search),
        routes_of=routes,
        aggregate=cls,
        events=made.events if events else {},
        imports=imported,
        faults=[Fault(made.declared_at, sentence) for sentence in refused],
    )
