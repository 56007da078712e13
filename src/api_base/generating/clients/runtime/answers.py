"""What a request ends with: an answer, a problem, or neither."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2


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
        self.kind = kind_of(members)
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


def kind_of(members: Mapping[str, Any]) -> str:
    """Return the last part of the type of a problem; empty without one."""
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
