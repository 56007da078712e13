"""Parse the query string of a list route against the declared fields, and report all violations together, each with its parameter.

`?field[op]=value`, `?field=value` (eq), `in` with commas (`\\,` for a comma inside a value), `is_null=true|false`, `sort`, `limit`,
`cursor`, `include_total`, `q` and `fields` (docs: HTTP conventions). A list that is paged by offset has `offset` in place of `cursor`.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus

from api_base.application.common.listing import DEFAULT_LIMIT, MAX_CURSOR_LENGTH, MAX_LIMIT, MAX_ROWS, Field, Fields, ListRequest, Sort
from api_base.core.errors import Invalid, Violation
from api_base.domain.common.specification import ComparisonOperator, FieldSpecification, IncomparableValue, Specification
from api_base.domain.common.text import normalized
from api_base.interface.errors.problem import pointer
from api_base.interface.list_values import boolean, members, value_of

MAX_VALUE_LENGTH: Final = 500
MAX_QUERY_LENGTH: Final = 16_384
PARAMETERS: Final = 50
SORTS: Final = 5


class Sizes(NamedTuple):
    """How much a list may be asked: bytes of the query, parameters, filters, members of an `in`, and characters of all of them together."""

    query: int
    parameters: int
    filters: int
    members: int
    joined: int


OF_URL: Final = Sizes(query=MAX_QUERY_LENGTH, parameters=PARAMETERS, filters=20, members=100, joined=MAX_VALUE_LENGTH)
OF_CONTENT: Final = Sizes(query=262_144, parameters=100, filters=50, members=1_000, joined=65_536)
"""Those of a request with the method QUERY, whose parameters are its content."""
RESERVED: Final = ("cursor", "fields", "include_total", "limit", "q", "sort")
OFFSET_RESERVED: Final = ("fields", "limit", "offset", "q", "sort")
"""Those of a list that is paged by offset."""

_FILTER: Final = re.compile(r"([a-z][a-z0-9_.]{0,63})(?:\[([a-z_]{1,20})\])?")
_RENAMED_FILTER: Final = re.compile(r"([a-z][A-Za-z0-9_.]{0,63})(?:\[([a-z_]{1,20})\])?")
MAX_QUOTED_LENGTH: Final = 100
_MAX_DIGITS: Final = 9


def list_request(
    query: bytes,
    fields: Fields,
    *,
    searchable: bool = False,
    by_offset: bool = False,
    wire: Callable[[str], str] = str,
    sizes: Sizes = OF_URL,
    version: int = 1,
) -> ListRequest:
    """Parse the raw query string, in which fields and parameters have the names that `wire` returns. Raises `Invalid` with every violation.

    `version` is that of the API: its cursors are of no other version.
    """
    parser = _Parser(fields.renamed(wire), searchable, by_offset, wire, sizes, version)
    request = parser.request(parser.split(query))
    return request if wire is str else request.renamed({wire(name): name for name in fields.names})


def list_request_of(pairs: Sequence[tuple[str, str]], fields: Fields, *, searchable: bool = False) -> ListRequest:
    """Parse the names and values that a query string would have. Raises `Invalid` with every violation."""
    if len(pairs) > PARAMETERS:
        raise Invalid.of("/query", "too_many", f"has more than {PARAMETERS} parameters")
    return _Parser(fields, searchable).request(pairs)


def quoted_member(text: str) -> str:
    r"""Return a value of `in` as it is written between commas: `\,` is a comma inside a value."""
    return text.replace("\\", "\\\\").replace(",", "\\,")


def _fingerprint(filters: Sequence[tuple[str, str, str]], q: str | None, version: int) -> str:
    asked = (filters, q) if version == 1 else (filters, q, version)  # the cursors of version 1 are older than versions
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:16]


class _Parser:
    def __init__(
        self,
        fields: Fields,
        searchable: bool,
        by_offset: bool = False,
        wire: Callable[[str], str] = str,
        sizes: Sizes = OF_URL,
        version: int = 1,
    ) -> None:
        self._fields, self._searchable, self._by_offset, self._sizes, self._version = fields, searchable, by_offset, sizes, version
        self._reserved = {wire(name): name for name in (OFFSET_RESERVED if by_offset else RESERVED)}
        self._total = wire("include_total")
        self._filter_name = _FILTER if wire is str else _RENAMED_FILTER
        self._violations: list[Violation] = []

    def request(self, given: Sequence[tuple[str, str]]) -> ListRequest:
        pairs, filters = self._separate(given)
        specification, limit = self._filters(filters), self._limit(pairs.get("limit"))
        request = ListRequest(
            specification=specification,
            sort=self._sort(pairs.get("sort"), filters),
            limit=limit,
            cursor=self._cursor(pairs.get("cursor")),
            offset=self._offset(pairs.get("offset", "0"), limit) if self._by_offset else None,
            include_total=self._by_offset or self._flag(self._total, pairs.get("include_total", "false")),
            q=self._q(pairs.get("q")),
            filtered=frozenset(name for name, _, _, _ in filters),
            fingerprint=_fingerprint(sorted((n, o, v) for n, o, v, _ in filters), pairs.get("q"), self._version),
        )
        if self._violations:
            raise Invalid(self._violations)
        return request

    def split(self, query: bytes) -> list[tuple[str, str]]:
        """Return the names and values in the raw query string. Raises `Invalid` if it is too long."""
        if len(query) > self._sizes.query:
            raise Invalid.of("/query", "too_long", f"has {len(query)} bytes; at most {self._sizes.query} are allowed")
        pairs: list[tuple[str, str]] = []
        parts = query.decode("latin-1").split("&", self._sizes.parameters)
        if len(parts) > self._sizes.parameters:
            raise Invalid.of("/query", "too_many", f"has more than {self._sizes.parameters} parameters")
        for part in parts:
            if part:
                name, _, value = part.partition("=")
                try:
                    pairs.append((unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")))
                except UnicodeDecodeError:
                    self._refuse(unquote_plus(name, errors="replace"), "encoding", "is not UTF-8")
        return pairs

    def _separate(self, given: Sequence[tuple[str, str]]) -> tuple[dict[str, str], list[tuple[str, str, str, str]]]:
        """Return the reserved parameters, and the filters as (field, operator, value, parameter)."""
        reserved: dict[str, str] = {}
        filters: list[tuple[str, str, str, str]] = []
        for name, value in given:
            most = MAX_CURSOR_LENGTH if name == "cursor" else self._sizes.joined if name.endswith("[in]") else MAX_VALUE_LENGTH
            if len(value) > most:
                self._refuse(name, "too_long", f"is longer than {most} characters")
            elif "\0" in value:
                self._refuse(name, "nul", "must not contain the character NUL")
            elif name in self._reserved:
                if self._reserved[name] in reserved:
                    self._refuse(name, "repeated", "must not be repeated")
                reserved[self._reserved[name]] = value
            elif match := self._filter_name.fullmatch(name):
                if (match[2] or "eq") == "eq" and any(f[:2] == (match[1], "eq") for f in filters):
                    self._refuse(name, "repeated", f"must not be repeated; use {match[1]}[in]=a,b for several values")
                filters.append((match[1], match[2] or "eq", value, name))
            else:
                self._refuse(
                    name,
                    "unknown_parameter",
                    f"is not a parameter of this list; allowed are {', '.join(self._reserved)} and filters on {self._known()}",
                )
        if len(filters) > self._sizes.filters:
            self._refuse("", "too_many", f"has {len(filters)} filters; at most {self._sizes.filters} are allowed")
        return reserved, filters[: self._sizes.filters]

    def _filters(self, filters: list[tuple[str, str, str, str]]) -> Specification[Any] | None:
        equal_to = {name: value for name, operator, value, _ in filters if operator == "eq"}
        combined: Specification[Any] | None = None
        for name, operator, value, parameter in filters:
            field = self._fields.get(name)
            if field is None or not field.operators:
                self._refuse(parameter, "unknown_field", f"{name!r} is not a field of this list; allowed are {self._known()}")
                continue
            one = self._filter(field, operator, value, parameter, equal_to)
            if one is not None:
                combined = one if combined is None else combined & one
        return combined

    def _filter(
        self, field: Field, operator: str, value: str, parameter: str, equal_to: Mapping[str, str]
    ) -> FieldSpecification[Any] | None:
        allowed = sorted(o.value for o in field.operators)
        if operator not in allowed:
            self._refuse(
                parameter, "unknown_operator", f"{field.name} does not support the operator {operator!r}; allowed are {', '.join(allowed)}"
            )
            return None
        if field.needs is not None and operator != "is_null" and field.needs not in equal_to:
            self._refuse(parameter, "incomplete", f"requires a filter {field.needs}=… in the same request")
            return None
        kind = ComparisonOperator(operator)
        try:
            return FieldSpecification(field.name, kind, self._value(field, kind, value, equal_to.get(field.needs or "")))
        except (ValueError, IncomparableValue) as error:
            self._refuse(parameter, "value", str(error))
            return None
        except Invalid as error:
            self._refuse(parameter, error.violations[0].code, error.violations[0].message)
            return None

    def _value(self, field: Field, operator: ComparisonOperator, text: str, needed: str | None) -> Any:
        if operator is ComparisonOperator.IS_NULL:
            return boolean(text)
        if operator is ComparisonOperator.IN:
            values = list(members(text))
            if len(values) > self._sizes.members:
                raise ValueError(f"has {len(values)} values; at most {self._sizes.members} are allowed")
            if any(len(value) > MAX_VALUE_LENGTH for value in values):
                raise ValueError(f"has a value that is longer than {MAX_VALUE_LENGTH} characters")
            return [value_of(field, value, needed) for value in values]
        if operator in (ComparisonOperator.CONTAINS, ComparisonOperator.STARTS_WITH):
            return field.stored_part(text)
        return value_of(field, text, needed)

    def _sort(self, text: str | None, filters: list[tuple[str, str, str, str]]) -> tuple[Sort, ...]:
        if text is None:
            return ()
        sorts: list[Sort] = []
        equal_to = {name for name, operator, _, _ in filters if operator == "eq"}
        parts = text.split(",")
        if len(parts) > SORTS:
            self._refuse("sort", "too_many", f"names {len(parts)} fields; at most {SORTS} are allowed")
            return ()
        for part in parts:
            name = part.removeprefix("-")
            field = self._fields.get(name)
            if field is None or not field.sortable:
                self._refuse("sort", "unknown_field", f"{name!r} is not a sortable field; allowed are {', '.join(self._fields.sortable)}")
            elif any(s.field == name for s in sorts):
                self._refuse("sort", "repeated", f"must not name {name!r} twice")
            elif field.needs is not None and field.needs not in equal_to:
                self._refuse("sort", "incomplete", f"{name} requires a filter {field.needs}=… in the same request")
            else:
                sorts.append(Sort(field=name, descending=part.startswith("-")))
        return tuple(sorts)

    def _limit(self, text: str | None) -> int:
        if text is None:
            return DEFAULT_LIMIT
        if text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT:
            return int(text)
        self._refuse("limit", "range", f"must be a whole number from 1 to {MAX_LIMIT}")
        return DEFAULT_LIMIT

    def _offset(self, text: str, limit: int) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
            self._refuse("offset", "range", f"must be a whole number from 0 to {MAX_ROWS - 1}")
        elif int(text) + limit > MAX_ROWS:
            self._refuse(
                "offset",
                "range",
                f"offset={int(text)} with limit={limit} ends at row {int(text) + limit}, but the list shows its first {MAX_ROWS} rows. "
                "Narrow it by filters, or sort it the other way",
            )
        else:
            return int(text)
        return 0

    def _cursor(self, text: str | None) -> str | None:
        if text is not None and (not text or not text.isascii()):
            self._refuse("cursor", "cursor", "is not a cursor; use next_cursor of the previous page")
        return text

    def _flag(self, name: str, text: str) -> bool:
        if text not in ("true", "false"):
            self._refuse(name, "boolean", "must be true or false")
        return text == "true"

    def _q(self, text: str | None) -> str | None:
        if text is not None and not self._searchable:
            self._refuse("q", "unknown_parameter", "is not supported: this list has no text search")
        elif text is not None and not text.strip():
            self._refuse("q", "blank", "must not be blank")
        return text and normalized(text)

    def _known(self) -> str:
        return ", ".join(field.name for field in self._fields if field.operators)

    def _refuse(self, parameter: str, code: str, message: str) -> None:
        where = pointer("query", parameter[:MAX_QUOTED_LENGTH]) if parameter else "/query"
        self._violations.append(Violation(where, code, message))
