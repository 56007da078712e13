"""How a request says which version of the API it is for: by its path, or by a header, its media type or its query below one path for all versions."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import unquote_plus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_base.core.errors import ApiBaseError
from api_base.interface.errors.handlers import send_error
from api_base.interface.errors.http import BadRequest, NotAcceptable
from api_base.interface.middleware.http_exchange import http_exchange_of
from api_base.interface.routes.export_formats import FORMATS
from api_base.interface.routes.parameters import REPEATED, header

type Json = dict[str, Any]

HEADER: Final = "API-Version"
PARAMETER: Final = "api_version"
_NUMBER: Final = re.compile(r"v?([1-9][0-9]{0,3})")
_HEADER: Final = HEADER.lower().encode()
_OF_MEDIA_TYPE: Final = re.compile(r';\s*version="?([^;,"\s]*)"?', re.IGNORECASE)


class Strategy(ABC):
    """Finds the version that a request names, below a path that has none."""

    vary: bytes = b""
    """The request headers by which responses differ; empty for none."""

    @abstractmethod
    def named(self, scope: Scope) -> Sequence[str]:
        """Return what the request says, once for each time that it does. May remove it from `scope`."""
        ...

    def located(self, path: str, number: int) -> str:
        """Return a path, which has no version, as a reference to what a version has there."""
        return path

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

    vary = _HEADER

    def named(self, scope: Scope) -> Sequence[str]:
        found = header(scope, _HEADER)
        return [] if found is None else [one.strip() for one in found.split(",")]

    def refused(self, sentence: str) -> ApiBaseError:
        return BadRequest(f"The header {HEADER} {sentence}")

    def parameter(self, number: int) -> Mapping[str, object] | None:
        return {"name": HEADER, "in": "header", "required": True, "description": "The version of the API.", "schema": _only(number)}


class ByMediaType(Strategy):
    """`Accept: application/json; version=2`, of any media type, or the same in `Content-Type` where Accept does not say it."""

    vary = b"accept, content-type"

    def named(self, scope: Scope) -> Sequence[str]:
        found = (_OF_MEDIA_TYPE.findall(header(scope, name) or "") for name in (b"accept", b"content-type"))
        return next(filter(None, found), [])

    def refused(self, sentence: str) -> ApiBaseError:
        return NotAcceptable(f"The parameter version of the media type {sentence}")

    def parameter(self, number: int) -> Mapping[str, object] | None:
        return None


class ByQuery(Strategy):
    """`?api_version=2`."""

    def named(self, scope: Scope) -> Sequence[str]:
        parts = [(unquote_plus(part.partition("=")[0]), part) for part in scope["query_string"].decode("latin-1").split("&")]
        found = [unquote_plus(part.partition("=")[2]) for name, part in parts if name == PARAMETER]
        if found:
            scope["query_string"] = "&".join(part for name, part in parts if name != PARAMETER).encode("latin-1")
            scope[REPEATED] = [(PARAMETER, one) for one in found]
        return found

    def located(self, path: str, number: int) -> str:
        return f"{path}?{PARAMETER}={number}"

    def refused(self, sentence: str) -> ApiBaseError:
        return BadRequest(f"The query parameter {PARAMETER} {sentence}")

    def parameter(self, number: int) -> Mapping[str, object] | None:
        return {"name": PARAMETER, "in": "query", "required": True, "description": "The version of the API.", "schema": _only(number)}


def strategy_of(name: str) -> Strategy | None:
    """Return the strategy that `VERSIONS__STRATEGY` names; None for `path`."""
    by_name: Mapping[str, type[Strategy]] = {"header": ByHeader, "media_type": ByMediaType, "query": ByQuery}
    return by_name[name]() if name in by_name else None


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
        exchange.added.append((_HEADER, b"%d" % number))
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
        """Name the version in the media type of a response that differs by it."""

        async def typed(message: Message) -> None:
            if message["type"] == "http.response.start":
                version = b"; version=%d" % number
                headers = [(name, value + version if (name, value) in _OF_VERSIONS else value) for name, value in message["headers"]]
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


_OF_VERSIONS: Final = {(b"content-type", one) for one in (b"application/json", *(content_type for content_type, _, _ in FORMATS.values()))}


def _only(number: int) -> Mapping[str, object]:
    return {"type": "string", "enum": [str(number)]}
