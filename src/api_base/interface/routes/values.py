"""Single values that a route declares as FastAPI does: in the query, in headers, in cookies and in the fields of a form.

A value that is sent twice, is not UTF-8 or is too long is refused, as is a parameter of the query that is not declared. All violations of a
request are reported together.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import unquote_to_bytes

from fastapi import params
from pydantic import ValidationError
from starlette.types import Scope

from api_base.core.errors import Invalid, Violation
from api_base.interface.errors.handlers import invalid_of
from api_base.interface.errors.problem import pointer
from api_base.interface.listing import MAX_QUERY_LENGTH, PARAMETERS

type Place = Literal["query", "header", "cookie", "body"]
PLACES: Final[Mapping[type[Any], Place]] = {params.Query: "query", params.Header: "header", params.Cookie: "cookie", params.Form: "body"}
"""The annotation of FastAPI that declares a value of each place."""

type Sent = Mapping[str, Sequence[bytes]]
"""The values of a request by name, each as often as it was sent."""

MAX_HEADER_BYTES: Final = 4096
"""Bytes of the value of a header or a cookie."""
FIELDS: Final = "fields"
"""The parameter of the query that `RouteOptions.sparse` declares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A declared value: `slot` is the key of the result, `name` that in the request, in lower case for a header.

    `several`: a list of values. `default` makes the value of a request that does not send one; None if it is required.
    `validate` raises pydantic's `ValidationError`.
    """

    slot: str
    place: Place
    name: str
    several: bool
    default: Callable[[], Any] | None
    validate: Callable[[Any], Any]

    def read(self, sent: Sequence[bytes], violations: list[Violation]) -> Any:
        """Return the value, or None after adding to `violations`."""
        if not self.counts(len(sent), violations):
            return self.default() if self.default is not None else None
        texts: list[str] = []
        for raw in sent:
            text = self._text(raw, violations)
            if text is None:
                return None
            texts.append(text)
        return self.validated(texts if self.several else texts[0], violations)

    def counts(self, sent: int, violations: list[Violation]) -> bool:
        """Return whether there is a value to read: one was sent, and not several instead of one."""
        if sent == 0 and self.default is None:
            violations.append(self.violation("missing", "is required"))
        elif sent > 1 and not self.several:
            violations.append(self.violation("repeated", "must not be repeated"))
            return False
        return sent > 0

    def validated(self, value: Any, violations: list[Violation]) -> Any:
        """Return the value in its type, or None after adding to `violations`."""
        try:
            return self.validate(value)
        except ValidationError as error:
            for one in invalid_of(error).violations[: None if self.several else 1]:
                step = one.pointer.split("/")[1:2] if self.several else ()  # further steps name members of a union
                violations.append(Violation(pointer(self.place, self.name, *step), one.code, one.message))
            return None

    def violation(self, code: str, message: str) -> Violation:
        """Return a violation of this value."""
        return Violation(pointer(self.place, self.name), code, message)

    def _text(self, raw: bytes, violations: list[Violation]) -> str | None:
        if self.place in ("header", "cookie") and len(raw) > MAX_HEADER_BYTES:
            violations.append(self.violation("too_long", f"has {len(raw)} bytes; at most {MAX_HEADER_BYTES} are allowed"))
            return None
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            violations.append(self.violation("encoding", "is not UTF-8"))
            return None
        if "\0" in text:
            violations.append(self.violation("nul", "must not contain the character NUL"))
            return None
        return text


class Values:
    """Reads the declared values of a request. `sparse`: the query may also have `fields`. `whole_query`: something else reads the query."""

    def __init__(self, values: Iterable[Value], *, sparse: bool, whole_query: bool) -> None:
        by_place: dict[Place, list[Value]] = defaultdict(list)
        for value in values:
            by_place[value.place].append(value)
        self._query, self._headers, self._cookies = by_place["query"], by_place["header"], by_place["cookie"]
        self._allowed = None if whole_query else frozenset(one.name for one in self._query) | ({FIELDS} if sparse else set())

    def resolve(self, scope: Scope) -> dict[str, Any]:
        """Return the values by slot. Raises `Invalid` with every violation."""
        violations: list[Violation] = []
        found: dict[str, Any] = {}
        if self._allowed is not None:
            sent = _query(scope["query_string"])
            violations += unknown(sent, self._allowed, "query")
            found |= read(self._query, sent, violations)
        if self._headers:
            found |= read(self._headers, _headers(scope, {one.name.encode() for one in self._headers}), violations)
        if self._cookies:
            found |= read(self._cookies, _cookies(scope), violations)
        if violations:
            raise Invalid(violations)
        return found

    def sent_beside_query(self, scope: Scope) -> bytes:
        """Return what a request sends in the declared headers and cookies; empty if none is declared."""
        if not (self._headers or self._cookies):
            return b""
        headers, cookies = _headers(scope, {one.name.encode() for one in self._headers}), _cookies(scope)
        return repr(([headers.get(one.name) for one in self._headers], [cookies.get(one.name) for one in self._cookies])).encode()


def read(values: Iterable[Value], sent: Sent, violations: list[Violation]) -> dict[str, Any]:
    """Return the values by slot, and add to `violations` what is wrong with them."""
    return {value.slot: value.read(sent.get(value.name, ()), violations) for value in values}


def unknown(sent: Iterable[str], allowed: frozenset[str], place: Place) -> list[Violation]:
    """Return a violation for each name that is not `allowed`."""
    known = ", ".join(sorted(allowed)) or "none"
    code = "extra_forbidden" if place == "body" else "unknown_parameter"
    return [Violation(pointer(place, name[:100]), code, f"is not known here; allowed are {known}") for name in sent if name not in allowed]


def pairs(encoded: bytes, most: int, where: str) -> Sent:
    """Return the values in a query string or a form [URL Standard, section 5.1]. Raises `Invalid` at `where` for more than `most` pairs."""
    parts = encoded.split(b"&", most)
    if len(parts) > most:
        raise Invalid.of(where, "too_many", f"has more than {most} parameters")
    found = defaultdict[str, list[bytes]](list)
    for part in parts:
        if part:
            name, _, value = (unquote_to_bytes(one.replace(b"+", b" ")) for one in part.partition(b"="))
            found[name.decode("utf-8", "replace")].append(value)
    return found


def _query(query: bytes) -> Sent:
    if len(query) > MAX_QUERY_LENGTH:
        raise Invalid.of("/query", "too_long", f"has {len(query)} bytes; at most {MAX_QUERY_LENGTH} are allowed")
    return pairs(query, PARAMETERS, "/query")


def _headers(scope: Scope, names: set[bytes]) -> Sent:
    found = defaultdict[str, list[bytes]](list)
    for name, value in scope["headers"]:
        if name in names:
            found[name.decode()].append(value)
    return found


def _cookies(scope: Scope) -> Sent:
    """Return the cookies by name [RFC 6265, section 4.2.1]. A value may stand in double quotes."""
    found = defaultdict[str, list[bytes]](list)
    for name, line in scope["headers"]:
        if name == b"cookie":
            for part in line.split(b";"):
                cookie, _, value = part.strip(b" \t").partition(b"=")
                quoted = len(value) > 1 and value.startswith(b'"') and value.endswith(b'"')
                found[cookie.decode("latin-1")].append(value[1:-1] if quoted else value)
    return found
