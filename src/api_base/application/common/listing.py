"""Lists with declared fields for filters and sorts, and pages by keyset cursors; by offset only where a route declares it.

A cursor is opaque, typed, limited in size, and bound to the sort, filter and tenant that it was created for. It needs no signature: it
contains only sort keys, which are validated on reading.

Every order ends with the list's default order and the id, all in one direction, so that one index on (field, default, id) serves a
field's filters and both directions of its order. A list without `sort` that is filtered by values, a range or a prefix of a field is
ordered by that field first: in any other order, a page would have to skip all rows that do not match.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, overload
from uuid import UUID

from api_base.core.errors import Invalid, ProgrammingError
from api_base.core.shared import base64url
from api_base.core.types import current_context
from api_base.domain.common import comparable
from api_base.domain.common.specification import AndSpecification, ComparisonOperator, FieldSpecification, Specification
from api_base.domain.common.text import line, normalized

MAX_CURSOR_LENGTH: Final = 4096
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
MAX_ROWS: Final = 10_000
"""Rows that pages by offset reach, and count: PostgreSQL reads all rows before a page to skip them."""

_Op = ComparisonOperator
EQUALITY: Final = frozenset({_Op.EQ, _Op.NE, _Op.IN})
ORDER: Final = EQUALITY | {_Op.GT, _Op.GE, _Op.LT, _Op.LE}
TEXT: Final = ORDER | {_Op.CONTAINS, _Op.STARTS_WITH}
RANGE_OPERATORS: Final = ORDER - {_Op.NE} | {_Op.STARTS_WITH}
"""Operators that match one or more ranges of the field's order."""
UNINDEXED: Final = frozenset({_Op.NE, _Op.CONTAINS})
"""Operators that no index serves: rows are read in the list's order and filtered until the page is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A declared field of a list.

    `kind` is str, int, Decimal, bool, datetime, date or UUID. `operators` are those that filters may use. `sortable` allows ordering by
    the field. `scan` lists the operators in use that no index serves. `needs` names a field that the same request must compare by eq.
    `parse` converts the text of a filter (and the value of `needs`) to a value; the default depends on `kind`. `stored_form` brings the
    text of a filter into the form in which the field stores text; by default that of one line.
    """

    name: str
    kind: type[Any]
    operators: frozenset[ComparisonOperator]
    sortable: bool = False
    nullable: bool = False
    scan: frozenset[ComparisonOperator] = UNINDEXED
    needs: str | None = None
    choices: tuple[str, ...] = ()
    parse: Callable[[str, str | None], Any] | None = None
    stored_form: Callable[[str], str] = line

    def stored_part(self, text: str) -> str:
        """Return the form of `text` for `contains` and `starts_with`: a part of a line keeps its spaces."""
        return normalized(text) if self.stored_form is line else self.stored_form(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """A field of an order, by its declared name. `shown` pairs values of the field with those that order in their place."""

    field: str
    descending: bool = False
    shown: tuple[tuple[str, str], ...] = ()


class Fields:
    """The declared fields of a list, by name, and its default order."""

    def __init__(self, *declared: Field, default_sort: tuple[Sort, ...]) -> None:
        self._by_name = {field.name: field for field in declared}
        self.default_sort = default_sort

    def renamed(self, wire: Callable[[str], str]) -> "Fields":
        """Return the fields with the names that `wire` returns, without a default order."""
        if wire is str:
            return self
        return Fields(*(replace(one, name=wire(one.name), needs=one.needs and wire(one.needs)) for one in self), default_sort=())

    def get(self, name: str) -> Field | None:
        """Return the field with this name, or None."""
        return self._by_name.get(name)

    @property
    def names(self) -> list[str]:
        """Return the names of all fields, sorted."""
        return sorted(self._by_name)

    @property
    def sortable(self) -> list[str]:
        """Return the names of the sortable fields, sorted."""
        return sorted(name for name, field in self._by_name.items() if field.sortable)

    def __iter__(self) -> Iterator[Field]:
        return iter(self._by_name.values())

    def order(self, request: "ListRequest") -> tuple[Sort, ...]:
        """Return the order of the pages of `request`, without the final id, which has the direction of the last field."""
        sort = request.sort or self._order_of_filters(request)
        named = {one.field for one in sort}
        return (*sort, *(Sort(field=s.field, descending=sort[-1].descending if sort else s.descending) for s in self._default(named)))

    def _order_of_filters(self, request: "ListRequest") -> tuple[Sort, ...]:
        """Order by the first declared field that is filtered by ranges: ascending, or for a single value as in the default order."""
        asked = {one.field: one.operator for one in _conjuncts(request.specification) if one.operator in RANGE_OPERATORS}
        default = {sort.field: sort.descending for sort in self.default_sort}
        first = next((name for name in self._by_name if name in asked), None)
        if first is None or first in default:
            return ()
        return (Sort(field=first, descending=asked[first] is _Op.EQ and any(default.values())),)

    def _default(self, named: Collection[str]) -> list[Sort]:
        return [sort for sort in self.default_sort if sort.field not in named]


def _conjuncts(specification: Specification[Any] | None) -> Iterator[FieldSpecification[Any]]:
    """Return the comparisons that every row of the list satisfies."""
    match specification:
        case AndSpecification(left, right):
            yield from _conjuncts(left)
            yield from _conjuncts(right)
        case FieldSpecification():
            yield specification


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """A validated request for a page of a list. `fingerprint` covers the filter and the search.

    The page holds the first rows after `cursor` and before `before`, or, if it is `backward`, the last ones. With an `offset`, it holds those
    after that many rows, has no cursors, and its total counts at most `MAX_ROWS`.
    """

    specification: Specification[Any] | None = None
    sort: tuple[Sort, ...] = ()
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    before: str | None = None
    backward: bool = False
    offset: int | None = None
    include_total: bool = False
    q: str | None = None
    filtered: frozenset[str] = field(default_factory=frozenset)
    fingerprint: str = ""

    def renamed(self, names: Mapping[str, str]) -> "ListRequest":
        """Return the request on the fields that `names` maps its fields to."""
        return self.on_other_fields(
            lambda one: [FieldSpecification(names[one.field], one.operator, one.value)],
            lambda one: [replace(one, field=names[one.field])],
        )

    def on_other_fields(
        self,
        filters: Callable[[FieldSpecification[Any]], Sequence[FieldSpecification[Any]]],
        sorts: Callable[[Sort], Sequence[Sort]],
    ) -> "ListRequest":
        """Return the request with other comparisons in the place of each of its own, which all must hold, and other sorts in that of each sort."""
        compared = [other for one in _conjuncts(self.specification) for other in filters(one)]
        specification: Specification[Any] | None = None
        for one in compared:
            specification = one if specification is None else specification & one
        return replace(
            self,
            specification=specification,
            sort=tuple(other for one in self.sort for other in sorts(one)),
            filtered=frozenset(one.field for one in compared),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page[T]:
    """A page of a list. `next_cursor` is None on the last page; `total` is None unless requested."""

    items: Sequence[T]
    next_cursor: str | None
    total: int | None = None
    cursors: Sequence[str] = field(default_factory=list)
    """Those of the items, which the REST API does not show. `next_cursor` is the first of them if the request is `backward`, otherwise the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetPage[T]:
    """A page of a list that is paged by offset. `total` is how many rows its pages reach: all rows of the list, or 10,000 if there are more."""

    items: Sequence[T]
    total: int
    offset: int
    limit: int

    @classmethod
    def of(cls, page: Page[T], request: ListRequest) -> "OffsetPage[T]":
        """Return the page that `request` asked for by its offset. Raises `ProgrammingError` if it did not, or if nobody counted."""
        if request.offset is None or page.total is None:
            raise ProgrammingError(
                "The list was not requested by offset. Declare its parameter with OffsetQuery, and read it with a PageBuilder."
            )
        return cls(items=page.items, total=page.total, offset=request.offset, limit=request.limit)


class Cursors(Sequence[str]):
    """The cursors of the rows of a page, each encoded when it is read. `keys` returns the sort keys of a row; the id is the last one."""

    def __init__(self, binding: str, rows: Sequence[Any], keys: Callable[[Any], Sequence[Any]]) -> None:
        self._binding, self._rows, self._keys = binding, rows, keys

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    @overload
    def __getitem__(self, position: int) -> str: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[str]: ...
    def __getitem__(self, position: int | slice) -> str | Sequence[str]:
        if isinstance(position, slice):
            return Cursors(self._binding, self._rows[position], self._keys)
        return base64url.encode(_dumps([self._binding, *map(_to_json, self._keys(self._rows[position]))]).encode())


_dumps: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def decode_cursor(text: str | None, binding: str, kinds: Sequence[tuple[type[Any], bool]], parameter: str = "cursor") -> list[Any] | None:
    """Return the sort keys in a cursor, or None without one. `kinds` are their types, and whether each may be null.

    Raises `Invalid` for a malformed cursor, and for one of another list, sort, filter or tenant.
    """
    if text is None:
        return None
    malformed = Invalid.of(f"/query/{parameter}", "cursor", "is not a cursor; use next_cursor of the previous page")
    try:
        head = base64url.decode(text[:28])  # `["`, the binding and `"`: a cursor of another list is never parsed
        if head.startswith(f'["{binding}"'.encode()) and len(text) <= MAX_CURSOR_LENGTH:
            _, *keys = json.loads(base64url.decode(text))
            return [_from_json(key, kind, nullable) for key, (kind, nullable) in zip(keys, kinds, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise malformed from None
    if len(text) > MAX_CURSOR_LENGTH or not head.startswith(b'["'):
        raise malformed
    raise Invalid.of(
        f"/query/{parameter}", "cursor", "belongs to another list, sort, filter or tenant; request the first page without a cursor"
    )


def cursor_binding(request: ListRequest, scope: str) -> str:
    """Return what a cursor is bound to. `scope` names the list, such as the table, and the object that its rows belong to."""
    tenant = current_context.get().tenant_id
    text = repr((scope, str(tenant), request.sort, request.fingerprint))
    return hashlib.blake2s(text.encode(errors="surrogatepass"), digest_size=9).hexdigest()


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if isinstance(value, UUID | date) else value


_READ: Final[Mapping[type[Any], Callable[[str], Any]]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    UUID: UUID,
    Decimal: comparable.decimal,
}


def _from_json(value: Any, kind: type[Any], nullable: bool) -> Any:
    """Raises `ValueError`, `TypeError` or `OverflowError` for a value that cannot be a sort key of this type."""
    if value is None and nullable:
        return None
    if type(value) is not (str if kind in _READ else kind):
        raise TypeError("a key of another type")
    read = comparable.plain(_READ[kind](value) if kind in _READ else value)
    if comparable.refusal(read):
        raise ValueError("a key that cannot be stored")
    return read
