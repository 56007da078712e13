"""Parse the query string of a list route against the declared fields, and report all violations together, each with its parameter.

`?field[op]=value`, `?field=value` (eq), `in` with commas (`\\,` for a comma inside a value), `is_null=true|false`, `sort`, `limit`,
`cursor`, `include_total`, `q` and `fields` (docs: HTTP conventions).
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote_plus
from uuid import UUID

from api_base.application.common.listing import DEFAULT_LIMIT, MAX_CURSOR_LENGTH, MAX_LIMIT, Field, Fields, ListRequest, Sort
from api_base.core.errors import Invalid, Violation
from api_base.core.shared.rfc3339 import parse_date, parse_time
from api_base.domain.common.comparable import decimal
from api_base.domain.common.specification import ComparisonOperator, FieldSpecification, IncomparableValue, Specification
from api_base.domain.common.text import normalized
from api_base.interface.errors.problem import pointer

FILTERS: Final = 20
MEMBERS: Final = 100
MAX_VALUE_LENGTH: Final = 500
MAX_QUERY_LENGTH: Final = 16_384
PARAMETERS: Final = 50
SORTS: Final = 5
RESERVED: Final = ("cursor", "fields", "include_total", "limit", "q", "sort")

_FILTER: Final = re.compile(r"([a-z][a-z0-9_.]{0,63})(?:\[([a-z_]{1,20})\])?")
_MEMBER: Final = re.compile(r"(?:[^,\\]|\\[,\\]|\\)*", re.DOTALL)
_MAX_QUOTED_LENGTH: Final = 100
_SPACE_BEFORE_OFFSET: Final = re.compile(r" (?=[0-9]{2}:[0-9]{2}$)")
"""In a query string, a bare + is a space."""


def list_request(query: bytes, fields: Fields, *, searchable: bool = False) -> ListRequest:
    """Parse the raw query string. Raises `Invalid` with every violation."""
    parser = _Parser(fields, searchable)
    return parser.request(parser.split(query))


def list_request_of(pairs: Sequence[tuple[str, str]], fields: Fields, *, searchable: bool = False) -> ListRequest:
    """Parse the names and values that a query string would have. Raises `Invalid` with every violation."""
    if len(pairs) > PARAMETERS:
        raise Invalid.of("/query", "too_many", f"has more than {PARAMETERS} parameters")
    return _Parser(fields, searchable).request(pairs)


def quoted_member(text: str) -> str:
    r"""Return a value of `in` as it is written between commas: `\,` is a comma inside a value."""
    return text.replace("\\", "\\\\").replace(",", "\\,")


class _Parser:
    def __init__(self, fields: Fields, searchable: bool) -> None:
        self._fields, self._searchable = fields, searchable
        self._violations: list[Violation] = []

    def request(self, given: Sequence[tuple[str, str]]) -> ListRequest:
        pairs, filters = self._separate(given)
        specification = self._filters(filters)
        request = ListRequest(
            specification=specification,
            sort=self._sort(pairs.get("sort"), filters),
            limit=self._limit(pairs.get("limit")),
            cursor=self._cursor(pairs.get("cursor")),
            include_total=self._flag("include_total", pairs.get("include_total", "false")),
            q=self._q(pairs.get("q")),
            filtered=frozenset(name for name, _, _, _ in filters),
            fingerprint=hashlib.sha256(repr((sorted((n, o, v) for n, o, v, _ in filters), pairs.get("q"))).encode()).hexdigest()[:16],
        )
        if self._violations:
            raise Invalid(self._violations)
        return request

    def split(self, query: bytes) -> list[tuple[str, str]]:
        """Return the names and values in the raw query string. Raises `Invalid` if it is too long."""
        if len(query) > MAX_QUERY_LENGTH:
            raise Invalid.of("/query", "too_long", f"has {len(query)} bytes; at most {MAX_QUERY_LENGTH} are allowed")
        pairs: list[tuple[str, str]] = []
        parts = query.decode("latin-1").split("&", PARAMETERS)
        if len(parts) > PARAMETERS:
            raise Invalid.of("/query", "too_many", f"has more than {PARAMETERS} parameters")
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
            if len(value) > (MAX_CURSOR_LENGTH if name == "cursor" else MAX_VALUE_LENGTH):
                self._refuse(name, "too_long", f"is longer than {MAX_CURSOR_LENGTH if name == 'cursor' else MAX_VALUE_LENGTH} characters")
            elif "\0" in value:
                self._refuse(name, "nul", "must not contain the character NUL")
            elif name in RESERVED:
                if name in reserved:
                    self._refuse(name, "repeated", "must not be repeated")
                reserved[name] = value
            elif match := _FILTER.fullmatch(name):
                if (match[2] or "eq") == "eq" and any(f[:2] == (match[1], "eq") for f in filters):
                    self._refuse(name, "repeated", f"must not be repeated; use {match[1]}[in]=a,b for several values")
                filters.append((match[1], match[2] or "eq", value, name))
            else:
                self._refuse(
                    name,
                    "unknown_parameter",
                    f"is not a parameter of this list; allowed are {', '.join(RESERVED)} and filters on {self._known()}",
                )
        if len(filters) > FILTERS:
            self._refuse("", "too_many", f"has {len(filters)} filters; at most {FILTERS} are allowed")
        return reserved, filters[:FILTERS]

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
            return _boolean(text)
        read = (lambda part: field.parse(part, needed)) if field.parse is not None else _READ[field.kind]
        if operator is ComparisonOperator.IN:
            members = list(_members(text))
            if len(members) > MEMBERS:
                raise ValueError(f"has {len(members)} values; at most {MEMBERS} are allowed")
            return [self._choice(field, read(field.stored_form(member))) for member in members]
        if operator in (ComparisonOperator.CONTAINS, ComparisonOperator.STARTS_WITH):
            return field.stored_part(text)
        return self._choice(field, read(field.stored_form(text)))

    @staticmethod
    def _choice(field: Field, value: Any) -> Any:
        if field.choices and value not in field.choices:
            raise ValueError(f"must be one of {', '.join(field.choices)}")
        return value

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
        where = pointer("query", parameter[:_MAX_QUOTED_LENGTH]) if parameter else "/query"
        self._violations.append(Violation(where, code, message))


def _members(text: str) -> Iterator[str]:
    r"""Split the values at commas. `\,` is a comma inside a value, `\\` a backslash; any other backslash is literal."""
    position = 0
    while text:
        match = _MEMBER.match(text, position)
        end = match.end() if match else position
        yield re.sub(r"\\([,\\])", r"\1", text[position:end])
        if end >= len(text):
            return
        position = end + 1


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _integer(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError("must be a whole number of at most 18 digits")
    return int(text)


def _timestamp(text: str) -> datetime:
    try:
        return parse_time(_SPACE_BEFORE_OFFSET.sub("+", text))
    except ValueError:
        raise ValueError("must be a time of RFC 3339 with a time zone, such as 2026-01-31T12:00:00Z") from None


def _date(text: str) -> date:
    try:
        return parse_date(text)
    except ValueError:
        raise ValueError("must be a date such as 2026-01-31") from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("must be a UUID") from None


_READ: Final[Mapping[type[Any], Callable[[str], Any]]] = {
    str: str,
    bool: _boolean,
    int: _integer,
    Decimal: decimal,
    datetime: _timestamp,
    date: _date,
    UUID: _uuid,
}
