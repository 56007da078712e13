"""`POST /mcp` [Model Context Protocol], the metadata of the protected resource [RFC 9728], and the tokens for MCP clients."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import Depends
from pydantic import Field

from api_base.application.auth.commands.issue_mcp_token import MIN_SECONDS, IssueMcpToken, McpScope
from api_base.application.auth.dtos import McpTokenDTO
from api_base.application.common.cqrs import Bus
from api_base.core.protocols import Limit
from api_base.interface.mcp.request import Hosts, McpBody, McpRequest
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.rendering import ProtocolAnswer
from api_base.interface.v1.bodies import Body

if TYPE_CHECKING:
    from api_base.interface.mcp.endpoint import Endpoint

LIMIT: Final = Limit(name="mcp", quota=1200, window=60, burst=300, by="principal")
"""Requests of a user in a tenant."""
_DISCOVER: Final = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "ping",
}
_BODY: Final = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


class McpTokenBody(Body):
    """`expires_in` is in seconds."""

    name: Annotated[str, Field(min_length=1, max_length=100, examples=["My editor"])]
    scope: Literal["read", "write"] = "read"
    expires_in: Annotated[int, Field(ge=MIN_SECONDS, le=366 * 86_400)] = 86_400


def token_routes(bus: Bus) -> Router:
    """Under `/api/v1`."""
    router = Router(tags=["auth"])

    @router.post(
        "/auth/mcp-tokens",
        RouteOptions(replayable=False, example={"body": {"name": "My editor", "scope": "read", "expires_in": 3600}}),
        status_code=201,
        summary="Issue a token for an MCP client",
    )
    async def issue_mcp_token(body: McpTokenBody) -> McpTokenDTO:
        return await bus.execute(IssueMcpToken(name=body.name, scope=McpScope(body.scope), lifetime=body.expires_in))

    return router


def metadata_url(public_url: str) -> str:
    """The well-known URI of the resource `<public URL>/mcp` [RFC 9728, section 3.1]."""
    return f"{public_url}/.well-known/oauth-protected-resource/mcp"


def challenge(public_url: str) -> bytes:
    """The parameter of WWW-Authenticate that names the metadata [RFC 9728, section 5.1]."""
    return f', resource_metadata="{metadata_url(public_url)}"'.encode()


def routes(make: "Callable[[], Endpoint]", hosts: Hosts, public_url: str, issuer: str, title: str) -> Router:
    """`make` builds the endpoint, which imports the SDK, at the first request. `issuer` is the URL of who issues tokens."""
    router = Router(tags=["mcp"])
    endpoint: list[Endpoint] = []
    building = asyncio.Lock()

    async def ready() -> "Endpoint":
        if not endpoint:
            async with building:
                if not endpoint:
                    endpoint.append(await asyncio.to_thread(make))
        return endpoint[0]

    @router.post(
        "/mcp",
        RouteOptions(
            protocol="mcp",
            replayable=False,
            limits=(LIMIT,),
            challenge=challenge(public_url),
            example={"body": _DISCOVER},
        ),
        summary="Model Context Protocol",
        openapi_extra=_BODY,
        response_model=Mapping[str, object],
    )
    async def call_mcp(sent: Annotated[McpRequest, Depends(McpBody(hosts))]) -> ProtocolAnswer:
        return await (await ready()).answer(sent)

    @router.get(
        "/.well-known/oauth-protected-resource/mcp",
        RouteOptions(auth="ignored", protocol="mcp", cache="public, max-age=300"),
        summary="Metadata of the MCP server as a protected resource",
        response_model=Mapping[str, object],
    )
    async def read_mcp_metadata() -> ProtocolAnswer:
        content: dict[str, Any] = {
            "resource": f"{public_url}/mcp",
            "resource_name": title,
            "authorization_servers": [issuer],
            "scopes_supported": ["read", "write"],
            "bearer_methods_supported": ["header"],
        }
        return ProtocolAnswer(status=200, content=content)

    return router
