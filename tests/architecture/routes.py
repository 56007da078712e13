"""Every operation of the application, by its name in the OpenAPI document, with what its route declares."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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
    """`operation` is that of `document`; `options` is None for a route of a plain FastAPI router. `read` is the name of GET beside QUERY.

    `version` is that of the API.
    """

    method: str
    template: str
    version: int
    document: Json = field(repr=False)
    operation: Json = field(repr=False)
    options: RouteOptions | None = field(repr=False)
    read: str | None = None

    @property
    def name(self) -> str:
        name: str = self.operation["operationId"]
        return name

    @property
    def id(self) -> str:
        """The name of its test: that of an older version has another than the newest one."""
        return self.name if self.version == NEWEST else f"{self.name}-v{self.version}"

    @property
    def representation(self) -> str:
        """The end of its tags."""
        return f"json{self.version if self.template.startswith('/api/') else 1}"

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


def _routes(app: FastAPI, document: Json, version: int) -> Iterator[Route]:
    paths = document["paths"]
    for context in iter_route_contexts(app.routes):
        options = options_of(context.original_route)
        found = paths.get(context.path_format, {})
        for method in sorted(context.methods or ()):
            operation = found.get(method.lower())
            if operation is not None:
                one = Route(
                    method=method,
                    template=context.path_format or "",
                    version=version,
                    document=document,
                    operation=operation,
                    options=options,
                )
                yield one
                if method == "GET" and (query := found.get(QUERY)) is not None:
                    yield replace(one, method="QUERY", operation=query, read=operation["operationId"])


_APP: Final = create_app(Settings(_env_file=None, security={"signing_keys": [pem()]}))
NEWEST: Final[int] = _APP.state.services.versions.newest
DOCUMENTS: Final[dict[int, Json]] = {number: _APP.openapi(number) for number in _APP.state.services.versions.numbers}  # type: ignore[call-arg]  # see `openapi.install`
DOCUMENT: Final[Json] = DOCUMENTS[NEWEST]
ROUTES: Final = tuple(_routes(_APP, DOCUMENT, NEWEST))
ROUTES_OF_OLDER_VERSIONS: Final = tuple(
    route for number in DOCUMENTS if number != NEWEST for route in _routes(_APP, DOCUMENTS[number], number)
)
OLDER_ROUTES: Final = tuple(route for route in ROUTES_OF_OLDER_VERSIONS if route.operation.get("deprecated"))
"""Those of older versions that are not the same in the newest one."""
