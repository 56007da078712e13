"""How a request says which version of the API it is for: by its path, or by a header, its media type or its query below one path for all versions."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_base.core.errors import ApiBaseError
from api_base.interface.errors.handlers import send_error
from api_base.interface.errors.http import BadRequest, NotAcceptable
from api_base.interface.middleware.http_exchange import http_exchange_of
from api_base.interface.routes.parameters import header

type Json = dict[str, Any]

HEADER: Final = "API-Version"
PARAMETER: Final = "api_version"
_NUMBER: Final = re.compile(r"v?([1-9][0-9]{0,3})")
_JSON: Final = re.compile(r"application/(?:[a-z0-9.+-]*\+)?json\s*(?:;[^,]*)?", re.IGNORECASE)
_OF_MEDIA_TYPE: Final = re.compile(r';\s*version="?([^;,"\s]*)"?', re.IGNORECASE)
_OF_QUERY: Final = re.compile(rb"(?:^|(?<=&))api_version=([^&]*)&?")


class Strategy(ABC):
    """Finds the version that a request names, below a path that has none."""

    vary: bytes = b""
    """The request header by which responses differ; empty for none."""

    @abstractmethod
    def named(self, scope: Scope) -> Sequence[str]:
        """Return what the request says, once for each time that it does. May remove it from `scope`."""
        ...

    @abstractmethod
    def refused(self, sentence: str) -> ApiBaseError:
        """Return the error of a request for a version that is not served."""
        ...

    @abstractmethod
    def parameter(self, number: int) -> Mapping[str, object] | None:
        """Return the parameter of OpenAPI by which a client names a version; None if there is none."""
        ...


class ByHeader(Strategy):
    """`API-Version: 2`."""

    vary = HEADER.lower().encode()

    def named(self, scope: Scope) -> Sequence[str]:
        found = header(scope, self.vary)
        return [] if found is None else [one.strip() for one in found.split(",")]

    def refused(self, sentence: str) -> ApiBaseError:
        return BadRequest(f"The header {HEADER} {sentence}")

    def parameter(self, number: int) -> Mapping[str, object] | None:
        return {"name": HEADER, "in": "header", "required": True, "description": "The version of the API.", "schema": _only(number)}


class ByMediaType(Strategy):
    """`Accept: application/json; version=2`, or the same in `Content-Type` where Accept does not say it."""

    vary = b"accept"

    def named(self, scope: Scope) -> Sequence[str]:
        for name in (b"accept", b"content-type"):
            ranges = [one for one in (header(scope, name) or "").split(",") if _JSON.fullmatch(one.strip())]
            if found := [match[1] for one in ranges for match in _OF_MEDIA_TYPE.finditer(one)]:
                return found
        return []

    def refused(self, sentence: str) -> ApiBaseError:
        return NotAcceptable(f"The parameter version of application/json {sentence}")

    def parameter(self, number: int) -> Mapping[str, object] | None:
        return None


class ByQuery(Strategy):
    """`?api_version=2`."""

    def named(self, scope: Scope) -> Sequence[str]:
        query: bytes = scope["query_string"]
        found = [one.decode("latin-1") for one in _OF_QUERY.findall(query)]
        if found:
            scope["query_string"] = _OF_QUERY.sub(b"", query).removesuffix(b"&")
        return found

    def refused(self, sentence: str) -> ApiBaseError:
        return BadRequest(f"The query parameter {PARAMETER} {sentence}")

    def parameter(self, number: int) -> Mapping[str, object] | None:
        return {"name": PARAMETER, "in": "query", "required": True, "description": "The version of the API.", "schema": _only(number)}


class VersionMiddleware:
    """Finds the routes of the version that a request names. `bases` are the paths that all versions share, such as `/api`; `numbers` are those served.

    A request that names none is for the oldest version: a client that does not say what it knows keeps what it has.
    """

    def __init__(self, app: ASGIApp, strategy: Strategy, bases: Sequence[str], numbers: Sequence[int]) -> None:
        self._app, self._strategy, self._bases, self._numbers = app, strategy, bases, numbers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"] if scope["type"] == "http" else ""
        base = next((one for one in self._bases if path.startswith(f"{one}/")), None)
        if base is None:
            await self._app(scope, receive, send)
            return
        exchange, vary = http_exchange_of(scope), self._strategy.vary
        if vary:
            exchange.added.append((b"vary", vary))
        try:
            number = self._number(scope)
        except ApiBaseError as error:
            exchange.error = error
            await send_error(scope, send, error)
            return
        exchange.added.append((HEADER.lower().encode(), b"%d" % number))
        scope["path"] = f"{base}/v{number}{path.removeprefix(base)}"
        await self._app(scope, receive, self._typed(send, number) if vary == ByMediaType.vary else send)

    def _number(self, scope: Scope) -> int:
        named = set(self._strategy.named(scope))
        if not named:
            return self._numbers[0]
        match = _NUMBER.fullmatch(named.pop()) if len(named) == 1 else None
        if match is None or int(match[1]) not in self._numbers:
            raise self._strategy.refused(f"names no version that is served. Send one of {', '.join(map(str, self._numbers))}.")
        return int(match[1])

    @staticmethod
    def _typed(send: Send, number: int) -> Send:
        """Name the version in the media type of a JSON response."""

        async def typed(message: Message) -> None:
            if message["type"] == "http.response.start":
                version = b"; version=%d" % number
                headers = [(name, value + version if (name, value) == _JSON_RESPONSE else value) for name, value in message["headers"]]
                message = {**message, "headers": headers}
            await send(message)

        return typed


def describing(strategy: Strategy | None, bases: Sequence[str]) -> Callable[[Json, int], Json]:
    """Return what makes the OpenAPI document of a version one for its clients. With None, whose versions are in the path, it is one already."""
    return (lambda document, number: document) if strategy is None else partial(_described, strategy, bases)


def _described(strategy: Strategy, bases: Sequence[str], document: Json, number: int) -> Json:
    """Return a document with the paths that clients send, and the parameter by which they name the version."""
    text = json.dumps(document)
    for base in bases:
        text = text.replace(f"{base}/v{number}/", f"{base}/")
    made: Json = json.loads(text)
    parameter = strategy.parameter(number)
    for path, item in made["paths"].items():
        if parameter is not None and path.startswith(tuple(f"{base}/" for base in bases)):
            for operation in item.values():
                operation["parameters"] = [*operation.get("parameters", ()), dict(parameter)]
    return made


_JSON_RESPONSE: Final = (b"content-type", b"application/json")


def _only(number: int) -> Mapping[str, object]:
    return {"type": "string", "enum": [str(number)]}
