"""How a call of an operation becomes a request, and whether its outcome is final."""

import json
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx2

from api_base.generating.clients.runtime.answers import Answer, NotModified, Problem, Unanswered, kind_of

USER_AGENT: Final = "api-base-client"
JSON: Final = "application/json"
_REFUSED_BEFORE: Final = frozenset({"quota-exceeded", "temporary-reduced-capacity"})
"""Kinds of problems of requests that were not executed, whatever their method."""
_TEMPORARY: Final = frozenset({500, 502, 503, 504})
"""Statuses that another attempt may not have, of requests that may be repeated: a service that is unavailable may have done its part."""
_DOTS: Final = frozenset({"", ".", ".."})
"""What is no segment of a path: a library would take it away, and another operation would be called."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "QUERY"})


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
    content_type: str = JSON
    keyed: bool = False
    idempotency_key: str | None = None
    accepts: str = JSON


class Transport:
    """What both clients share: how a call becomes a request, and whether its outcome is final."""

    def __init__(
        self,
        url: str,
        language: str | None,
        retries: Retries,
        problems: Mapping[str, type[Problem]],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError("The URL is not that of a server, such as https://api.example.com: no user, no query.")
        self._url, self.retries, self._problems = url.rstrip("/"), retries, problems
        given = {name.lower(): value for name, value in (headers or {}).items()}
        self._headers = {"user-agent": USER_AGENT, **({} if language is None else {"accept-language": language}), **given}

    def request(self, http: httpx2.Client | httpx2.AsyncClient, call: Call) -> httpx2.Request:
        """Return the request, which has the same key in every attempt."""
        path = call.path
        for name, value in call.places.items():
            if str(value) in _DOTS:
                raise ValueError(f"{name} must not be {str(value)!r}.")
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        headers = {**self._headers, "accept": f"{call.accepts}, application/problem+json"}
        if call.keyed:
            headers["idempotency-key"] = str(uuid.uuid4()) if call.idempotency_key is None else call.idempotency_key
        headers |= {name.lower(): value for name, value in call.headers.items() if value is not None}
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
            return Answer(_body(call, response), response.status_code, response.headers), 0.0
        problem = self._problem(response)
        pause = self.retries.pause(attempt, problem.retry_after) if _temporary(call, problem) else None
        if pause is None:
            raise problem
        return None, pause

    def unanswered(self, call: Call, error: httpx2.RequestError, attempt: int) -> float:
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
        return self._problems.get(kind_of(members), Problem)(response, members)


def _repeatable(call: Call) -> bool:
    return call.keyed or call.method in _SAFE


def _temporary(call: Call, problem: Problem) -> bool:
    if problem.kind in _REFUSED_BEFORE:
        return True
    return _repeatable(call) and (problem.kind == "request-in-progress" or problem.status in _TEMPORARY)


def _body(call: Call, response: httpx2.Response) -> Any:
    """Return what the operation declares: bytes as they are, JSON, or None. Raises `Unanswered` for something else, the page of a proxy."""
    if call.accepts != JSON:
        return response.content
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        media_type = response.headers.get("content-type", "nothing")
        raise Unanswered(f"{call.method} {call.path}: the answer is not JSON, but {media_type}.") from None


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


def next_cursor(page: Mapping[str, Any], call: Call) -> str | None:
    """Return the cursor of the page after `page`; None after the last one. Raises `Unanswered` for the one that was sent."""
    cursor: str | None = page.get("next_cursor")
    if cursor is not None and cursor == call.query.get("cursor"):
        raise Unanswered(f"{call.method} {call.path}: the server repeats the cursor {cursor[:50]!r}.")
    return cursor
