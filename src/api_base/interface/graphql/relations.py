"""Nodes by id, and relations: everything that belongs to the objects of one operation is loaded by one query of each kind."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from strawberry.types import Info
from strawberry.types.field import StrawberryField

from api_base.core.errors import ProgrammingError
from api_base.interface.graphql.declared import BatchQuery, Node, Relation
from api_base.interface.graphql.fields import add_field, field, list_of
from api_base.interface.graphql.types import Types


async def load_node(info: Info, node: Node, id: UUID) -> Any | None:
    """Return the object with this id, or None: it does not exist for the caller."""
    key, query = node.key, node.by_ids

    async def load(keys: Sequence[UUID]) -> list[Any | None]:
        found = {getattr(one, key): one for one in await info.context.bus.execute(query(tuple(keys)))}
        return [found.get(one) for one in keys]

    return await info.context.load(node, load, id)


def add_relation(relation: Relation, types: Types) -> None:
    """Add the field to its type. Raises `ProgrammingError` for a relation to nodes of a DTO that is none."""
    target = types.nodes.get(relation.to)
    if target is None and (relation.load is None or relation.node):
        raise ProgrammingError(
            f"The relation {relation.name!r} of {relation.on.__name__} leads to {relation.to.__name__}, which is no node."
        )
    made = types.of(relation.to)
    returns: Any = (list_of(made) if relation.many else made) | None
    add_field(types.of(relation.on), relation.name, _field(relation, target, returns))


def _field(relation: Relation, target: Node | None, returns: Any) -> StrawberryField:
    async def resolve(root: Any, info: Info) -> Any:
        key = relation.key(root)
        if relation.load is None:
            assert target is not None  # `add_relation` refuses it
            return None if key is None else await load_node(info, target, key)
        found = [] if key is None else await _load(info, relation, relation.load, key)
        made = [one for one in map(relation.make, found) if one is not None]
        if relation.many:
            return made
        if not made or not relation.node:
            return made[0] if made else None
        assert target is not None
        return await load_node(info, target, made[0])

    return field(resolve, returns, relation.description)


async def _load(info: Info, relation: Relation, query: BatchQuery, key: UUID) -> list[Any]:
    of = relation.of

    async def load(keys: Sequence[UUID]) -> list[list[Any]]:
        found = defaultdict(list)
        for one in await info.context.bus.execute(query(tuple(keys))):
            found[of(one)].append(one)
        return [found[one] for one in keys]

    loaded: list[Any] = await info.context.load(query, load, key)
    return loaded
