"""What a request ends with: an answer, a problem, or neither."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2


class Unanswered(Exception):
    """The server cannot be reached, the connection broke, or something else than this API answered. A request that may not be repeated was
    possibly executed."""


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
        self.type = _text(members, "type", "about:blank")
        self.kind = kind_of(members)
        self.title = _text(members, "title", response.reason_phrase)
        self.status = response.status_code
        self.detail = _text(members, "detail")
        self.instance = _text(members, "instance", response.request.url.path)
        self.request_id = _text(members, "request_id", response.headers.get("x-request-id", ""))
        found = members.get("errors")
        self.errors = tuple(
            Violation(_text(one, "pointer"), _text(one, "code"), _text(one, "message"))
            for one in (found if isinstance(found, list) else ())
            if isinstance(one, dict)
        )
        self.retry_after = _seconds(response.headers.get("retry-after", ""))
        self.members = members
        super().__init__(f"{self.status} {self.title}: {self.detail} [{self.kind}, request {self.request_id}]")

    def __reduce__(self) -> tuple[Any, ...]:
        """Let a problem cross the border of a process, without the response."""
        return (_restored, (type(self), str(self), self.__dict__))


def kind_of(members: Mapping[str, Any]) -> str:
    """Return the last part of the type of a problem; empty without one."""
    kind = _text(members, "type").rpartition("#")[2].rpartition("/")[2]
    return "" if kind == "about:blank" else kind


def _text(members: Mapping[str, Any], name: str, otherwise: str = "") -> str:
    value = members.get(name)
    return value if isinstance(value, str) else otherwise


def _seconds(retry_after: str) -> float | None:
    """Return the seconds of a `Retry-After` [RFC 9110, section 10.2.3], a number or a date; None for anything else."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())


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


def _restored(kind: type[Problem], text: str, state: dict[str, Any]) -> Problem:
    problem = kind.__new__(kind, text)
    problem.__dict__.update(state)
    problem.args = (text,)
    return problem
