"""What the client of every API has: requests, retries, problems and pages. `api-base openapi python` writes it beside the operations of one API."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Self, cast
from urllib.parse import quote, urlsplit

import httpx2

USER_AGENT: Final = "api-base-client"
_REFUSED_BEFORE: Final = frozenset({"quota-exceeded", "temporary-reduced-capacity", "unavailable"})
"""Kinds of problems of requests that were not executed, whatever their method."""
_TEMPORARY: Final = frozenset({"request-in-progress", "timeout", "internal"})
"""Kinds of problems that another attempt may not have, of requests that may be repeated."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "QUERY"})


class Unanswered(Exception):
    """The server cannot be reached, or the connection broke. A request that may not be repeated was possibly executed."""


class NotModified(Exception):
    """The representation is still the one that `If-None-Match` names."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One fault of a request: where it is (JSON Pointer, RFC 6901), the code of the rule, and a message for people."""

    pointer: str
    code: str
    message: str


class Problem(Exception):
    """The server refused the request, or failed [RFC 9457]. `kind` is the last part of `type`; the subclasses are its known values.

    `retry_after` is in seconds; None if the server names none.
    """

    def __init__(self, response: httpx2.Response, members: Mapping[str, Any]) -> None:
        self.type = str(members.get("type", "about:blank"))
        self.kind = _kind(members)
        self.title = str(members.get("title", response.reason_phrase))
        self.status = response.status_code
        self.detail = str(members.get("detail", ""))
        self.instance = str(members.get("instance", response.request.url.path))
        self.request_id = str(members.get("request_id", response.headers.get("x-request-id", "")))
        found = members.get("errors")
        self.errors = tuple(
            Violation(str(one.get("pointer", "")), str(one.get("code", "")), str(one.get("message", "")))
            for one in (found if isinstance(found, list) else ())
            if isinstance(one, dict)
        )
        after = response.headers.get("retry-after", "")
        self.retry_after = float(after) if after.isascii() and after.isdigit() else None
        self.members = members
        super().__init__(f"{self.status} {self.title}: {self.detail} [{self.kind}, request {self.request_id}]")


def _kind(members: Mapping[str, Any]) -> str:
    return str(members.get("type", "")).rpartition("#")[2].rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Answer[T]:
    """A successful response: `body` is what its JSON contains, its bytes, or None."""

    body: T
    status: int
    headers: Mapping[str, str]

    @property
    def etag(self) -> str:
        """The version of the representation, for `if_match` and `if_none_match`. Raises `LookupError` if the response has none."""
        if (found := self.headers.get("etag")) is None:
            raise LookupError("The response has no ETag.")
        return found

    @property
    def request_id(self) -> str:
        """The id by which the server's log names the request."""
        return self.headers.get("x-request-id", "")

    @property
    def replayed(self) -> bool:
        """Whether the response is that of an earlier request with the same Idempotency-Key."""
        return self.headers.get("idempotency-replayed") == "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a request is sent at most, and the pauses between, in seconds: random, below a limit that doubles, and never shorter than what the
    server asks for. A server that asks for more than `longest_pause` gets no other attempt."""

    attempts: int = 4
    first_pause: float = 0.25
    longest_pause: float = 30.0

    def pause(self, attempt: int, asked: float | None) -> float | None:
        """Return the pause after `attempt`, which counts from 1; None if it was the last one."""
        if attempt >= self.attempts or (asked is not None and asked > self.longest_pause):
            return None
        limit = min(self.first_pause * 2 ** (attempt - 1), self.longest_pause)
        return (asked or 0.0) + random.uniform(0.0, limit)  # noqa: S311 -- a pause, not a secret


@dataclass(slots=True)
class Call:
    """A request. `keyed`: the operation takes an Idempotency-Key, and `idempotency_key` is one of the caller. `accepts` is the media type of its result."""

    method: str
    path: str
    places: Mapping[str, object] = field(default_factory=dict)
    query: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str | None] = field(default_factory=dict)
    json: object = None
    form: Mapping[str, object] | None = None
    content: bytes | None = None
    content_type: str = "application/json"
    keyed: bool = False
    idempotency_key: str | None = None
    accepts: str = "application/json"


class Transport:
    """What both clients share: how a call becomes a request, and whether its outcome is final."""

    def __init__(self, url: str, language: str | None, retries: Retries, problems: Mapping[str, type[Problem]]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is not the URL of a server, such as https://api.example.com.")
        self._url, self._language, self.retries, self._problems = url.rstrip("/"), language, retries, problems

    def request(self, http: httpx2.Client | httpx2.AsyncClient, call: Call) -> httpx2.Request:
        """Return the request, which has the same key in every attempt."""
        path = call.path
        for name, value in call.places.items():
            if not str(value):
                raise ValueError(f"{name} must not be empty.")
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        headers = {"accept": f"{call.accepts}, application/problem+json", "user-agent": USER_AGENT}
        if self._language is not None:
            headers["accept-language"] = self._language
        if call.keyed:
            headers["idempotency-key"] = call.idempotency_key or str(uuid.uuid4())
        headers |= {name: value for name, value in call.headers.items() if value is not None}
        content = call.content
        data = None
        if call.form is not None:
            data = {name: str(value) for name, value in call.form.items() if value is not None}
        elif content is not None or call.json is not None:
            headers["content-type"] = call.content_type
            content = json.dumps(call.json, allow_nan=False).encode() if content is None else content
        return http.build_request(
            call.method, self._url + path, params=list(_flat(call.query)), headers=headers, content=content, data=data
        )

    def answered(self, call: Call, response: httpx2.Response, attempt: int) -> tuple[Answer[Any] | None, float]:
        """Return the answer, or None with the pause before the next attempt. Raises the `Problem` of a response that is final."""
        if response.status_code == 304:
            raise NotModified(response.headers.get("etag", ""))
        if response.is_success:
            return Answer(_body(response), response.status_code, response.headers), 0.0
        problem = self._problem(response)
        pause = self.retries.pause(attempt, problem.retry_after) if _temporary(call, problem) else None
        if pause is None:
            raise problem
        return None, pause

    def unanswered(self, call: Call, error: httpx2.TransportError, attempt: int) -> float:
        """Return the pause before the next attempt. Raises `Unanswered` if there is none."""
        unsent = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
        pause = self.retries.pause(attempt, None) if unsent or _repeatable(call) else None
        if pause is None:
            raise Unanswered(f"{call.method} {call.path}: {type(error).__name__}: {error}") from error
        return pause

    def _problem(self, response: httpx2.Response) -> Problem:
        try:
            members = response.json()
        except ValueError:  # the answer of a proxy
            members = None
        if not isinstance(members, dict):
            members = {"detail": response.text[:500]}
        return self._problems.get(_kind(members), Problem)(response, members)


def _repeatable(call: Call) -> bool:
    return call.keyed or call.method in _SAFE


def _temporary(call: Call, problem: Problem) -> bool:
    if problem.kind in _REFUSED_BEFORE:
        return True
    return _repeatable(call) and (problem.kind in _TEMPORARY or problem.status in {502, 503, 504})


def _body(response: httpx2.Response) -> Any:
    if not response.content:
        return None
    media_type = response.headers.get("content-type", "").partition(";")[0].strip()
    return response.json() if media_type == "application/json" or media_type.endswith("+json") else response.content


def _flat(query: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a query: `{"price": {"ge": 1}}` is `price[ge]=1`, a list is separated by commas."""
    for name, value in query.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}[{key}]", _text(one)) for key, one in value.items() if one is not None)
        elif value is not None:
            yield name, _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(_text(one).replace("\\", "\\\\").replace(",", "\\,") for one in value)
    return str(value)


class SyncClient:
    """Sends the requests of one thread after another. `token` is an access token, or a function that returns a valid one. `http` is for tests and proxies."""

    problems: ClassVar[Mapping[str, type[Problem]]] = {}

    def __init__(
        self,
        url: str,
        *,
        token: str | Callable[[], str] | None = None,
        language: str | None = None,
        timeout: float = 30.0,
        retries: Retries = Retries(),
        http: httpx2.Client | None = None,
    ) -> None:
        self.token = token
        self._transport = Transport(url, language, retries, self.problems)
        self._http = httpx2.Client(timeout=timeout) if http is None else http
        self._sleep: Callable[[float], None] = time.sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: Call) -> Answer[Any]:
        """Send a call until its outcome is final. Raises `Problem`, `NotModified` and `Unanswered`."""
        request = self._transport.request(self._http, call)
        attempt = 0
        while True:
            attempt += 1
            token = self.token() if callable(self.token) else self.token
            if token is not None:
                request.headers["authorization"] = f"Bearer {token}"
            try:
                response = self._http.send(request, follow_redirects=False)
            except httpx2.TransportError as error:
                pause = self._transport.unanswered(call, error, attempt)
            else:
                answer, pause = self._transport.answered(call, response, attempt)
                if answer is not None:
                    return answer
            self._sleep(pause)

    def elements(self, call: Call) -> Iterator[Any]:
        """Yield the elements of all pages of a list, one request after another."""
        while True:
            page = self.send(call).body
            yield from page["items"]
            if (cursor := page.get("next_cursor")) is None:
                return
            call.query = {**call.query, "cursor": cursor}


class AsyncioClient:
    """Sends requests of asyncio. `token` is an access token, or a function that returns a valid one. `http` is for tests and proxies."""

    problems: ClassVar[Mapping[str, type[Problem]]] = {}

    def __init__(
        self,
        url: str,
        *,
        token: str | Callable[[], Awaitable[str]] | None = None,
        language: str | None = None,
        timeout: float = 30.0,
        retries: Retries = Retries(),
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self.token = token
        self._transport = Transport(url, language, retries, self.problems)
        self._http = httpx2.AsyncClient(timeout=timeout) if http is None else http
        self._sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call) -> Answer[Any]:
        """Send a call until its outcome is final. Raises `Problem`, `NotModified` and `Unanswered`."""
        request = self._transport.request(self._http, call)
        attempt = 0
        while True:
            attempt += 1
            token = await self.token() if callable(self.token) else self.token
            if token is not None:
                request.headers["authorization"] = f"Bearer {token}"
            try:
                response = await self._http.send(request, follow_redirects=False)
            except httpx2.TransportError as error:
                pause = self._transport.unanswered(call, error, attempt)
            else:
                answer, pause = self._transport.answered(call, response, attempt)
                if answer is not None:
                    return answer
            await self._sleep(pause)

    async def elements(self, call: Call) -> AsyncIterator[Any]:
        """Yield the elements of all pages of a list, one request after another."""
        while True:
            page = cast("dict[str, Any]", (await self.send(call)).body)
            for element in page["items"]:
                yield element
            if (cursor := page.get("next_cursor")) is None:
                return
            call.query = {**call.query, "cursor": cursor}
