"""The GraphQL schema, built from what contexts declare (`declared.py`) and the bus. Building it takes some 100 ms: do it at the first request."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import strawberry
from fastapi import APIRouter
from strawberry.schema.config import StrawberryConfig
from strawberry.types import Info
from strawberry.types.field import StrawberryField

from api_base.core.errors import Invalid, NotFound, ProgrammingError
from api_base.interface.graphql import ids
from api_base.interface.graphql.connections import Connections
from api_base.interface.graphql.declared import GraphQL, Lookup, Node, Single
from api_base.interface.graphql.fields import REQUIRED, field, list_of, object_type
from api_base.interface.graphql.mutations import Mutations
from api_base.interface.graphql.relations import add_relation, load_node
from api_base.interface.graphql.scalars import SCALARS
from api_base.interface.graphql.searching import search_field
from api_base.interface.graphql.subscriptions import subscription_fields
from api_base.interface.graphql.types import NodeInterface, Types
from api_base.interface.versioning import Change

MAX_NODES: Final = 200
"""Ids of one `nodes`."""


class ApiSchema(strawberry.Schema):
    """Strawberry's schema, whose errors were logged where they were raised."""

    def process_errors(self, errors: Any, execution_context: Any = None) -> None:
        """Log nothing: `graphql_error` has logged what is unexpected."""


def build_schema(
    declared: Sequence[GraphQL], routers: Sequence[tuple[str, APIRouter]] = (), changes: Sequence[Change] = ()
) -> strawberry.Schema:
    """Return the schema of all contexts. Mutations are the routes of `routers` that change something. Raises `ProgrammingError` for what GraphQL cannot show, and for two fields of one name.

    Execute operations with a new `GraphQLContext` each, while `current_context` holds the principal.
    """
    types = Types([node for one in declared for node in one.nodes], changes)
    connections = Connections(types)
    roots = _Roots()
    for one in declared:
        for node in one.nodes:
            types.of(node.dto)
            roots.add(node.name[0].lower() + node.name[1:], _node_field(node, types))
        for listing in one.listings:
            roots.add(listing.name, connections.field(listing))
        for single in one.singles:
            roots.add(single.name, _single(single, types))
        for lookup in one.lookups:
            roots.add(lookup.name, _lookup(lookup, types))
        if one.search:
            roots.add("search", search_field(types))
    for relation in (relation for one in declared for relation in one.relations):
        add_relation(relation, types)
    for nested in (nested for one in declared for nested in one.nested):
        connections.add_nested(nested)
    roots.add("node", _any_node(types))
    roots.add("nodes", _any_nodes(types))
    changing = _Roots()
    for name, made in Mutations(types).fields(routers):
        changing.add(name, made)
    return ApiSchema(
        query=object_type("Query", roots.fields),
        mutation=object_type("Mutation", changing.fields) if changing.fields else None,
        subscription=object_type("Subscription", subscription_fields(types)),
        types=types.made,
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    )


class _Roots:
    """The fields of a root type, by name."""

    def __init__(self) -> None:
        self.fields: dict[str, StrawberryField] = {}

    def add(self, name: str, made: StrawberryField) -> None:
        """Add a field. Raises `ProgrammingError` for a second one of the same name."""
        if name in self.fields:
            raise ProgrammingError(f"Two contexts declare the GraphQL field {name!r}. Rename one of them.")
        self.fields[name] = made


def _node_field(node: Node, types: Types) -> StrawberryField:
    async def resolve(root: Any, info: Info, id: str) -> Any:
        del root
        return await load_node(info, node, ids.decode_as(node.name, id, "id"))

    return field(resolve, types.of(node.dto) | None, "Null if it does not exist for you.", {"id": (strawberry.ID, REQUIRED)})


def _single(single: Single, types: Types) -> StrawberryField:
    async def resolve(root: Any, info: Info) -> Any:
        del root
        return await info.context.bus.execute(single.query())

    made = types.of(single.dto)
    return field(resolve, (list_of(made) if single.many else made) | None, single.description)


def _lookup(lookup: Lookup, types: Types) -> StrawberryField:
    async def resolve(root: Any, info: Info, **given: Any) -> Any:
        del root
        try:
            return await info.context.bus.execute(lookup.query(given[lookup.by]))
        except NotFound:
            return None

    return field(resolve, types.of(lookup.dto) | None, lookup.description, {lookup.by: (lookup.kind, REQUIRED)})


def _found(types: Types, id: str, argument: str) -> tuple[Node, UUID]:
    """Return the node's type and id. Raises `Invalid` for an id of no node."""
    name, key = ids.decode(id, argument)
    if name not in types.by_name:
        raise ids.unknown(argument)
    return types.by_name[name], key


def _any_node(types: Types) -> StrawberryField:
    async def resolve(root: Any, info: Info, id: str) -> Any:
        del root
        return await load_node(info, *_found(types, id, "id"))

    description = "The object with this global id. Null if it does not exist for you."
    return field(resolve, NodeInterface | None, description, {"id": (strawberry.ID, REQUIRED)})


def _any_nodes(types: Types) -> StrawberryField:
    async def resolve(root: Any, info: Info, ids: list[str]) -> Any:
        del root
        if len(ids) > MAX_NODES:
            raise Invalid.of("/path/ids", "too_many", f"has {len(ids)} ids; at most {MAX_NODES} are allowed")
        found = [_found(types, id, f"ids/{position}") for position, id in enumerate(ids)]
        return await asyncio.gather(*(load_node(info, node, key) for node, key in found))

    description = "The objects with these global ids, in their order. Null for each that does not exist for you."
    return field(resolve, list[NodeInterface | None], description, {"ids": (list[strawberry.ID], REQUIRED)})
