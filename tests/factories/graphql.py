"""A small schema, and engines on it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from graphql import GraphQLError, GraphQLSchema, build_schema

from api_base.application.common.cqrs import Bus
from api_base.core.config.graphql import GraphQLSettings
from api_base.interface.graphql.context import GraphQLContext
from api_base.interface.graphql.engine import Engine

SDL: Final = """
type Query { items(first: Int = 50, after: String): ItemConnection! node(id: ID!): Item me: Item fails: String slow: String secret: String! }
type Mutation { rename(name: String!): Item }
type Subscription { counted(to: Int!): Int waits: Int fails: Int slow: Item large: Item }
type ItemConnection { nodes: [Item!]! edges: [Edge!]! }
type Edge { node: Item! cursor: String! }
type Item { id: ID! name: String! parent: Item files: [File!]! tags: [String!]! }
type File { id: ID! item: Item! }
"""
ITEM: Final[dict[str, Any]] = {"id": "1", "name": "Chair", "tags": ["wood"], "files": []}


def _fail(*_: Any, **__: Any) -> None:
    raise RuntimeError("the password is 123")


async def _slow(*_: Any) -> str:
    await asyncio.Event().wait()
    return "never"


async def _counted(_: Any, __: Any, to: int) -> AsyncIterator[dict[str, int]]:
    for number in range(1, to + 1):
        yield {"counted": number}


async def _waits(*_: Any) -> AsyncIterator[dict[str, int]]:
    yield {"waits": 1}
    await asyncio.Event().wait()


async def _two(*_: Any) -> AsyncIterator[dict[str, Any]]:
    """The first event takes longer than any timeout, or is larger than any response."""
    yield {"slow": _slow, "large": ITEM | {"name": "x" * 9_000_000}}
    yield {"slow": ITEM, "large": ITEM}


def small_schema() -> GraphQLSchema:
    """A new schema of `SDL` with resolvers."""
    schema = build_schema(SDL)
    resolvers: dict[str, dict[str, Any]] = {
        "Query": {
            "items": lambda _, __, first=50, after=None: {"nodes": [ITEM] * first, "edges": [{"node": ITEM, "cursor": "c"}] * first},
            "me": lambda *_: ITEM,
            "node": lambda _, __, **arguments: ITEM | arguments,
            "fails": _fail,
            "slow": _slow,
            "secret": _fail,
        },
        "Mutation": {"rename": lambda _, __, name: ITEM | {"name": name}},
    }
    for type_name, fields in resolvers.items():
        for name, resolve in fields.items():
            schema.type_map[type_name].fields[name].resolve = resolve  # type: ignore[attr-defined]
    subscriptions = schema.subscription_type
    assert subscriptions is not None
    subscriptions.fields["counted"].subscribe = _counted
    subscriptions.fields["waits"].subscribe = _waits
    subscriptions.fields["fails"].subscribe = _fail
    subscriptions.fields["slow"].subscribe = subscriptions.fields["large"].subscribe = _two
    return schema


def formatted(errors: list[GraphQLError]) -> list[dict[str, Any]]:
    """Errors of resolvers are masked."""
    return [dict(one.formatted) | ({} if one.original_error is None else {"message": "masked"}) for one in errors]


SCHEMA: Final = small_schema()


def engine(shows_internals: bool = False, **settings: Any) -> Engine:
    """An engine on the small schema."""
    return Engine(
        SCHEMA,
        GraphQLSettings(**settings),
        context=lambda session: GraphQLContext(Bus(()), session),
        formatted=formatted,
        shows_internals=shows_internals,
    )
