"""The GraphQL schema on the whole application in process: real bus, real database, without HTTP."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import strawberry

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.graphql import graphql_schema
from api_base.core.types import RequestContext, TenantId, UserId, current_context
from api_base.infrastructure.db.embedded import Urls
from api_base.interface.graphql import ids
from api_base.interface.graphql.context import GraphQLContext
from tests.application import Person, Running, running, settings_on


@dataclass(frozen=True)
class GraphQLApi:
    """`schema` has no state: each operation runs as the person that it names."""

    api: Running
    schema: strawberry.Schema

    async def act_as(self, person: Person) -> None:
        principal = await self.api.services.container.access.resolve(UserId(person.id), TenantId(person.tenant_id))
        current_context.set(RequestContext(request_id="graphql-test", principal=principal))

    async def execute(self, person: Person, query: str, **variables: Any) -> strawberry.types.ExecutionResult:
        await self.act_as(person)
        result = await self.schema.execute(query, variable_values=variables, context_value=GraphQLContext(self.api.services.bus))
        assert isinstance(result, strawberry.types.ExecutionResult)
        return result

    async def data(self, person: Person, query: str, **variables: Any) -> Mapping[str, Any]:
        """The data of an operation without errors."""
        result = await self.execute(person, query, **variables)
        assert result.errors is None, [(error.message, error.extensions) for error in result.errors]
        assert result.data is not None
        return result.data

    async def refused(self, person: Person, query: str, **variables: Any) -> tuple[str, Mapping[str, Any]]:
        """The message and the extensions of the only error."""
        result = await self.execute(person, query, **variables)
        (error,) = result.errors or ()
        return error.message, error.extensions or {}


@asynccontextmanager
async def graphql_api(urls: Urls, contexts: Sequence[Context] = BUILT_IN) -> AsyncIterator[GraphQLApi]:
    async with running(settings_on(urls), contexts) as api:
        bus = api.services.bus
        routers = [(context.prefix, context.routes(bus)) for context in contexts if context.routes is not None]
        yield GraphQLApi(api, graphql_schema(contexts, routers)())


def global_id(name: str, id: str | UUID) -> str:
    return ids.encode(name, UUID(str(id)))
