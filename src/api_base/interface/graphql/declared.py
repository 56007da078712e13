"""What a context brings to the GraphQL schema, as values: this module imports no GraphQL library.

Types are derived from DTOs, filters from the declared fields of lists, and mutations from the routes of the REST API, so a new field or route
appears in the schema without another line. A context declares only what neither of them says: which DTOs are nodes, and how they relate.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api_base.application.common.cqrs import Query
from api_base.application.common.listing import Fields, ListRequest, Page
from api_base.core.errors import Invalid
from api_base.core.types import Result

type BatchQuery = Callable[[tuple[UUID, ...]], Query[Sequence[Any]]]
"""Makes the query of all objects with the given ids or keys. Its result leaves out what the caller may not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A DTO with a global id. `path` is its path in the REST API (`/items`), whose `{id}` is the global id in mutations.

    `key` names the field of the DTO that identifies it. `channel`: the kind of the channel of its changes, such as `items`.
    """

    name: str
    dto: type[Any]
    by_ids: BatchQuery
    path: str
    key: str = "id"
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A connection at the root, on the keyset pages of a list. `query` makes the query of a page."""

    name: str
    dto: type[Any]
    query: Callable[[ListRequest], Query[Page[Any]]]
    fields: Fields
    searchable: bool = False
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A field of `on` with the objects `to` that belong to it, loaded for all objects of an operation by one query.

    `key` returns what to load by, or None for no relation. Without `load` it is the id of a node. `of` returns the key that a loaded object belongs
    to, `make` what the field returns of it, or None for nothing; with `node`, the id of a node, which is loaded then. `many`: all that belong to the
    object, as many as the query returns; otherwise the first, or null. Relations with the same `load` share its query.
    """

    on: type[Any]
    name: str
    to: type[Any]
    key: Callable[[Any], UUID | None]
    load: BatchQuery | None = None
    of: Callable[[Any], UUID] = lambda found: found
    make: Callable[[Any], Any] = lambda found: found
    node: bool = False
    many: bool = False
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedListing:
    """A connection of `on`: the objects that belong to each, with the same page for all objects of an operation, by one query.

    `key` returns the id that they belong to. The result of `query` has a page, or the error of a cursor, for each of these ids.
    """

    on: type[Any]
    name: str
    dto: type[Any]
    key: Callable[[Any], UUID]
    query: Callable[[tuple[UUID, ...], ListRequest], Query[Mapping[UUID, Result[Page[Any], Invalid]]]]
    fields: Fields
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A field at the root: one object of a DTO that is no node, or null. `by` names its argument, of the type `kind`: an id or key of the REST API."""

    name: str
    dto: type[Any]
    by: str
    kind: type[UUID] | type[str]
    query: Callable[[Any], Query[Any]]
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Single:
    """A field at the root without arguments: one DTO, or a list that the query bounds."""

    name: str
    query: Callable[[], Query[Any]]
    dto: type[Any]
    many: bool = False
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphQL:
    """What a context brings, beside the mutations that its routes are. `search`: the field `search`."""

    nodes: Sequence[Node] = ()
    listings: Sequence[Listing] = ()
    relations: Sequence[Relation] = ()
    nested: Sequence[NestedListing] = ()
    singles: Sequence[Single] = ()
    lookups: Sequence[Lookup] = ()
    search: bool = False
