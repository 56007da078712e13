"""The GraphQL schema of the application's contexts, made at the first request: Strawberry takes time and memory to import."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from fastapi import APIRouter

from api_base.application.common.cqrs import Bus
from api_base.bootstrap.context import Context, changes_of
from api_base.bootstrap.import_paths import named
from api_base.core.config import Settings
from api_base.interface.graphql.declared import GraphQL
from api_base.interface.graphql.http import GraphQLEndpoint, routes
from api_base.interface.graphql.sessions import LiveSessions
from api_base.interface.graphql.transport_ws import OPTIONS, GraphQLSockets
from api_base.interface.routes import Router

if TYPE_CHECKING:
    from strawberry import Schema

    from api_base.interface.graphql.engine import Engine


def declared_graphql(contexts: Sequence[Context]) -> Sequence[GraphQL]:
    """Import what `contexts` declare. Raises `ConfigurationError` for a path that cannot be imported."""
    return [_declared(context.name, context.graphql) for context in contexts if context.graphql is not None]


def _declared(context: str, value: GraphQL | str) -> GraphQL:
    return value if isinstance(value, GraphQL) else named(context, "graphql", value, GraphQL)


def graphql_schema(contexts: Sequence[Context], routers: Sequence[tuple[str, APIRouter]]) -> "Callable[[], Schema]":
    """Return the function that makes the schema when it is called first. `routers` are those of the REST API, with their prefixes."""

    @cache
    def schema() -> "Schema":
        from api_base.interface.graphql.schema import build_schema

        return build_schema(declared_graphql(contexts), routers, changes_of(contexts))

    return schema


def graphql_engine(schema: "Callable[[], Schema]", bus: Bus, settings: Settings) -> "Callable[[], Engine]":
    """Return the function that makes the engine, which executes operations. With trusted documents it is made here: what is wrong with them is
    found at the start. Raises `ConfigurationError`.
    """

    @cache
    def engine() -> "Engine":
        from api_base.interface.graphql.context import GraphQLContext
        from api_base.interface.graphql.engine import Engine
        from api_base.interface.graphql.errors import formatted

        return Engine(
            schema()._schema,
            settings.graphql,
            context=lambda session: GraphQLContext(bus, session),
            formatted=formatted,
            shows_internals=settings.shows_internals,
        )

    if settings.graphql.trusted_documents is not None:
        engine()
    return engine


def graphql_routes(engine: "Callable[[], Engine]", sessions: LiveSessions, settings: Settings) -> Router:
    """Return the routes of `/graphql`: HTTP, event streams and WebSocket."""
    endpoint = GraphQLEndpoint(engine, sessions)
    router = routes(endpoint, settings.graphql)
    router.websocket("", OPTIONS)(GraphQLSockets(endpoint, sessions, settings.graphql).serve)
    return router
