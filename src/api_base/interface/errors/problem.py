"""A problem, as `application/problem+json` [RFC 9457], and the JSON Pointers [RFC 6901] to the invalid parts of a request."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NewType
from urllib.parse import quote

import msgspec

from api_base.core.errors import Violation
from api_base.interface.public_url import public_prefix

MEDIA_TYPE: Final = b"application/problem+json"
PATH_CHARACTERS: Final = "/:@!$&'()*+,;="
"""Characters that a path may contain unencoded [RFC 3986, section 3.3], in addition to letters, digits and -._~."""
REGISTERED: Final = ("quota-exceeded", "temporary-reduced-capacity")
"""Kinds whose URI is that of a registered type [draft-ietf-httpapi-ratelimit-headers-11, section 5]."""
_encode = msgspec.json.Encoder().encode


ProblemDocument = NewType("ProblemDocument", dict[str, Any])
"""The members of a problem [RFC 9457]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`kind` is the last part of its type's URI, and /problems/<kind> explains it; empty for other kinds.

    `violated` are the names of rate limits. `headers` go with the answer (`Retry-After`, `WWW-Authenticate`, `Allow`).
    """

    kind: str
    title: str
    status: int
    detail: str
    violations: Sequence[Violation] = ()
    violated: Sequence[str] = ()
    headers: Sequence[tuple[bytes, bytes]] = ()

    def with_headers(self, headers: Sequence[tuple[bytes, bytes]]) -> "Problem":
        """Return the same problem with other headers."""
        return replace(self, headers=headers)

    def body(self, path: str, request_id: str) -> bytes:
        """Return the JSON.

        `path` is the decoded path of the request in this application: `instance` is a URI reference, so it is encoded again
        [RFC 9457, section 3.1.5].
        """
        return _encode(self.document(path, request_id))

    def document(self, path: str, request_id: str) -> ProblemDocument:
        """Return the members of the JSON object of a response, which `body` encodes."""
        return ProblemDocument(self.members(instance=quote(public_prefix.get() + path, safe=PATH_CHARACTERS), request_id=request_id))

    def members(self, **occurrence: str) -> dict[str, Any]:
        """Return the members of the JSON object. `occurrence` are those about the request."""
        content = {
            "type": type_of(self.kind) if self.kind else "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **occurrence,
        }
        if self.violated:
            content["violated-policies"] = self.violated
        if self.violations:
            content["errors"] = [{"pointer": v.pointer, "code": v.code, "message": v.message} for v in self.violations]
        return content


def type_of(kind: str) -> str:
    """Return the URI of a kind's type. The page of every kind is at /problems/<kind>."""
    return f"https://iana.org/assignments/http-problem-types#{kind}" if kind in REGISTERED else f"{public_prefix.get()}/problems/{kind}"


def pointer(*steps: str) -> str:
    """Return the pointer along `steps`, such as `/query/name` or `/body/tags/0`."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def leading_through(document: Any, steps: Sequence[Any], *, absent: bool) -> Iterator[str]:
    """Return those of pydantic's `steps` that exist in `document`: pydantic also adds the chosen member of a union.

    `absent`: the last step is a missing field.
    """
    for position, step in enumerate(steps, 1):
        if (isinstance(document, dict) and step in document) or (isinstance(document, list) and isinstance(step, int)):
            document = document[step]
        elif not (absent and position == len(steps)):
            continue
        yield str(step)
