"""Connections [Relay, Cursor Connections] on the keyset pages of lists.

The arguments become the parameters of a list of the REST API, so both APIs have the same rules, limits and cursors. A page has the first objects
after `after` and before `before`, or with `last` the last ones. What lies behind a cursor is not looked up: a page that begins or ends at one has
a previous or next page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, get_type_hints
from uuid import UUID

import strawberry
from strawberry import UNSET
from strawberry.types import Info
from strawberry.types.field import StrawberryField
from strawberry.types.nodes import SelectedField

from api_base.application.common.listing import DEFAULT_LIMIT, MAX_LIMIT, Field, Fields, ListRequest, Page
from api_base.core.errors import Invalid
from api_base.core.types import Err
from api_base.domain.common.specification import ComparisonOperator
from api_base.interface.graphql.declared import Listing, NestedListing
from api_base.interface.graphql.errors import argument_name
from api_base.interface.graphql.fields import (
    REQUIRED,
    Argument,
    add_field,
    enumeration,
    field,
    input_type,
    list_of,
    object_type,
    plain_field,
    python_name,
)
from api_base.interface.graphql.scalars import Long
from api_base.interface.graphql.types import Types
from api_base.interface.listing import list_request_of, quoted_member

_Op: Final = ComparisonOperator


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="True also before the cursor `before`.")
    has_previous_page: bool = strawberry.field(description="True also after the cursor `after`.")
    start_cursor: str | None
    end_cursor: str | None


@strawberry.enum
class SortDirection(Enum):
    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True)
class _Edge:
    node: Any
    cursor: str


type _Found = tuple[Page[Any], ListRequest]


class Connections:
    """Makes the fields of lists. `types` are those of the schema."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._made: dict[type[Any], Any] = {}
        self._inputs: dict[type[Any], tuple[Any, Any]] = {}

    def field(self, listing: Listing) -> StrawberryField:
        """Return the field of a list at the root, with its arguments."""
        by_name = {argument_name(one.name): one for one in listing.fields}

        async def resolve(root: Any, info: Info, **given: Any) -> _Found:
            del root
            request = _request(listing.fields, by_name, info, given, searchable=listing.searchable)
            return await info.context.bus.execute(listing.query(request)), request

        arguments = self._arguments(listing.dto, listing.fields, by_name, searchable=listing.searchable)
        return field(resolve, self._connection(listing.dto) | None, listing.description, arguments)

    def add_nested(self, nested: NestedListing) -> None:
        """Add the field of a list to the type of the objects that its own objects belong to."""
        by_name = {argument_name(one.name): one for one in nested.fields}

        async def resolve(root: Any, info: Info, **given: Any) -> _Found:
            place = nested.on, nested.name, *map(id, info._raw_info.field_nodes)  # with the same arguments for all objects
            request = info.context.once(place, lambda: _request(nested.fields, by_name, info, given, searchable=False))

            async def load(keys: Sequence[UUID]) -> list[Any]:
                pages = await info.context.bus.execute(nested.query(tuple(keys), request))
                return [one.error if isinstance(one, Err) else one.value for one in map(pages.__getitem__, keys)]

            return await info.context.load(place, load, nested.key(root)), request

        arguments = self._arguments(nested.dto, nested.fields, by_name, searchable=False)
        made = field(resolve, self._connection(nested.dto) | None, nested.description, arguments)
        add_field(self._types.of(nested.on), nested.name, made)

    def _connection(self, dto: type[Any]) -> Any:
        if dto not in self._made:
            node = self._types.of(dto)
            name = node.__strawberry_definition__.name
            edge = object_type(
                f"{name}Edge",
                {"node": plain_field(lambda edge: edge.node, node), "cursor": plain_field(lambda edge: edge.cursor, str)},
            )
            self._made[dto] = object_type(
                f"{name}Connection",
                {
                    "edges": plain_field(
                        lambda found: [_Edge(*pair) for pair in zip(found[0].items, found[0].cursors, strict=True)], list_of(edge)
                    ),
                    "nodes": plain_field(lambda found: found[0].items, list_of(node), "The nodes of the edges."),
                    "page_info": plain_field(_page_info, PageInfo),
                    "total_count": plain_field(lambda found: found[0].total, Long | None, "Counted only if it is selected."),
                },
            )
        return self._made[dto]

    def _filter_type(self, dto: type[Any], by_name: Mapping[str, Field]) -> Any:
        """Return the input type of the declared fields with their operators, or None for a list without filters."""
        name = self._types.of(dto).__strawberry_definition__.name
        members = {
            argument: self._comparison(f"{name}{argument[0].upper()}{argument[1:]}Filter", one, dto)
            for argument, one in by_name.items()
            if one.operators
        }
        return (
            input_type(f"{name}Filter", {key: (made | None, UNSET) for key, made in members.items()}, "All must match.")
            if members
            else None
        )

    def _comparison(self, name: str, one: Field, dto: type[Any]) -> Any:
        kind = _kind(one, dto)
        forms = {_Op.IN: list_of(kind), _Op.IS_NULL: bool, _Op.CONTAINS: list_of(kind)}
        members = {operator.value: (forms.get(operator, kind) | None, UNSET) for operator in _Op if operator in one.operators}
        needs = "" if one.needs is None else f" Needs {argument_name(one.needs)}.eq."
        return input_type(name, members, f"Comparisons of {argument_name(one.name)}: all must match.{needs}")

    def _sort_type(self, dto: type[Any], fields: Fields) -> Any:
        if not fields.sortable:
            return None
        base = self._types.of(dto).__strawberry_definition__.name
        key = enumeration(f"{base}SortField", {name.replace(".", "_").upper(): name for name in fields.sortable})
        return input_type(f"{base}Sort", {"field": (key, REQUIRED), "direction": (SortDirection, SortDirection.ASC)}, None)

    def _arguments(self, dto: type[Any], fields: Fields, by_name: Mapping[str, Field], *, searchable: bool) -> dict[str, Argument]:
        if dto not in self._inputs:
            self._inputs[dto] = self._filter_type(dto, by_name), self._sort_type(dto, fields)
        filters, sort = self._inputs[dto]
        text = str | None
        size = f"Nodes of the page, 1 to {MAX_LIMIT}"
        arguments: dict[str, Argument] = {
            "first": (_about(int | None, f"{size}: the first ones. {DEFAULT_LIMIT} by default."), UNSET),
            "after": (_about(text, "The cursor of the edge before the page."), UNSET),
            "last": (_about(int | None, f"{size}: the last ones. Not with `first`."), UNSET),
            "before": (_about(text, "The cursor of the edge after the page."), UNSET),
        }
        if filters is not None:
            arguments["filter"] = (filters | None, UNSET)
        if sort is not None:
            arguments["sort"] = (list_of(sort) | None, UNSET)
        if searchable:
            arguments["q"] = (_about(text, "Text to search for; the best match comes first."), UNSET)
        return arguments


def _about(hint: Any, description: str) -> Any:
    return Annotated[hint, strawberry.argument(description=description)]


def _kind(one: Field, dto: type[Any]) -> Any:
    """Return the type of the values to compare with: an enumeration of the DTO if it has one with the declared choices."""
    if one.choices:
        hint = get_type_hints(dto).get(one.name)
        if isinstance(hint, type) and issubclass(hint, Enum) and {member.value for member in hint} == set(one.choices):
            return strawberry.enum(hint)
    return str if one.parse is not None else (Long if one.kind is int else one.kind)


def _request(fields: Fields, by_name: Mapping[str, Field], info: Info, given: Mapping[str, Any], *, searchable: bool) -> ListRequest:
    """Return the request. Raises `Invalid` with every violation."""
    first, last = (None if given.get(name, UNSET) is UNSET else given[name] for name in ("first", "last"))
    if first is not None and last is not None:
        raise Invalid.of("/query/last", "conflict", "must not be used together with first")
    limit = last if last is not None else DEFAULT_LIMIT if first is None else first
    pairs = [("limit", str(limit))]
    pairs += [(name, given[key]) for name, key in (("cursor", "after"), ("q", "q")) if isinstance(given.get(key), str)]
    if given.get("sort"):
        pairs.append(("sort", ",".join(f"{'-' if one.direction is SortDirection.DESC else ''}{one.field.value}" for one in given["sort"])))
    for argument, one in by_name.items():
        comparisons = getattr(given.get("filter"), argument, None)
        if comparisons is not None and comparisons is not UNSET:
            pairs += _compared(one, comparisons)
    try:
        request = list_request_of(pairs, fields, searchable=searchable)
    except Invalid as error:
        size = "/query/limit" if last is None else "/query/last"
        raise Invalid([replace(one, pointer=size) if one.pointer == "/query/limit" else one for one in error.violations]) from None
    before = given.get("before")
    return replace(
        request,
        before=before if isinstance(before, str) else None,
        backward=last is not None,
        include_total=_selects(info.selected_fields, "totalCount"),
    )


def _compared(one: Field, comparisons: Any) -> Iterator[tuple[str, str]]:
    for operator in sorted(one.operators, key=lambda operator: operator.value):
        value = getattr(comparisons, python_name(operator.value))
        if value is None or value is UNSET:
            continue
        name = f"{one.name}[{operator.value}]"
        if operator is _Op.IN:
            yield name, ",".join(quoted_member(_text(member)) for member in value)
        elif operator is _Op.CONTAINS:
            yield from ((name, _text(part)) for part in value)
        else:
            yield name, _text(value)


def _text(value: Any) -> str:
    """Return the text of a value in a query string."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else str(value)


def _page_info(found: _Found) -> PageInfo:
    page, request = found
    cursors, more = page.cursors, page.next_cursor is not None
    return PageInfo(
        has_next_page=(more and not request.backward) or request.before is not None,
        has_previous_page=(more and request.backward) or request.cursor is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def _selects(selection: Sequence[Any], name: str) -> bool:
    """Return whether one of the selected fields has a direct field `name`, also by a fragment."""
    return any(_named(one.selections, name) for one in selection)


def _named(selections: Sequence[Any], name: str) -> bool:
    return any(one.name == name if isinstance(one, SelectedField) else _named(one.selections, name) for one in selections)
