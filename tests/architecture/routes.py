"""Every operation of the application, by its name in the OpenAPI document, with what its route declares."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from api_base.bootstrap.application import create_app
from api_base.core.config import Settings
from api_base.interface.openapi.query_operations import QUERY
from api_base.interface.routes import RouteOptions
from api_base.interface.routes.router import options_of
from api_base.testing.keys import pem

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`operation` is the document's; `options` is None for a route of a plain FastAPI router. `read` is the name of GET beside QUERY."""

    method: str
    template: str
    operation: Json = field(repr=False)
    options: RouteOptions | None = field(repr=False)
    read: str | None = None

    @property
    def name(self) -> str:
        name: str = self.operation["operationId"]
        return name

    @property
    def arranged_as(self) -> str:
        """The name under which tests know what it needs."""
        return self.read or self.name

    @property
    def public(self) -> bool:
        return self.operation["security"] == []

    @property
    def media_type(self) -> str | None:
        """What its body is sent as."""
        return next(iter(self.operation.get("requestBody", {}).get("content", {})), None)

    @property
    def streams(self) -> bool:
        """Whether its body is any file."""
        return '"format": "binary"' in json.dumps(self.operation.get("requestBody"))

    @property
    def success(self) -> int:
        return min(int(status) for status in self.operation["responses"])

    @property
    def of_protocol(self) -> bool:
        """Whether GraphQL over HTTP, MCP, OFREP, HTML (Server-Sent Events, which have no end), tus or the IETF says what is answered.

        tests/integration/test_graphql_http.py, test_mcp.py, test_ofrep.py, test_events_stream.py and test_uploads.py send to these routes.
        """
        return self.options is not None and self.options.protocol in ("graphql", "mcp", "ofrep", "sse", "uploads")

    @property
    def listing(self) -> bool:
        return self._parameter("limit") is not None

    @property
    def conditional(self) -> bool:
        """Whether it takes If-Match."""
        return self._parameter("If-Match") is not None

    @property
    def must_be_conditional(self) -> bool:
        return (self._parameter("If-Match") or {}).get("required", False) is True

    @property
    def takes_key(self) -> bool:
        """Whether it takes Idempotency-Key."""
        return self._parameter("Idempotency-Key") is not None

    @property
    def tagged(self) -> bool:
        return (self.options is not None and self.options.tagged) or self.downloads

    @property
    def downloads(self) -> bool:
        """Whether it answers with the bytes of a file."""
        return '"format": "binary"' in json.dumps(self.operation["responses"])

    @property
    def versioned(self) -> bool:
        return self.options is not None and self.options.versioned

    def _parameter(self, name: str) -> Json | None:
        return next((one for one in self.operation.get("parameters", ()) if one["name"] == name), None)


def _routes(app: FastAPI) -> Iterator[Route]:
    paths = app.openapi()["paths"]
    for context in iter_route_contexts(app.routes):
        for method in sorted(context.methods or ()):
            operation = paths.get(context.path_format, {}).get(method.lower())
            if operation is not None:
                options = options_of(context.original_route)
                yield Route(method=method, template=context.path_format, operation=operation, options=options)
                if method == "GET" and (query := paths[context.path_format].get(QUERY)) is not None:
                    yield Route(
                        method="QUERY", template=context.path_format, operation=query, options=options, read=operation["operationId"]
                    )


_APP: Final = create_app(Settings(_env_file=None, security={"signing_keys": [pem()]}))
DOCUMENT: Final[Json] = _APP.openapi()
ROUTES: Final = tuple(_routes(_APP))
