"""Connections [Relay, Cursor Connections] on the keyset pages of lists.

The arguments become the parameters of a list of the REST API, so both APIs have the same rules, limits and cursors. Pages go forward only:
`hasPreviousPage` is true behind a cursor.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, get_type_hints

import strawberry
from strawberry import UNSET
from strawberry.types import Info
from strawberry.types.field import StrawberryField
from strawberry.types.nodes import SelectedField

from api_base.application.common.listing import DEFAULT_LIMIT, MAX_LIMIT, Field, ListRequest, Page
from api_base.domain.common.specification import ComparisonOperator
from api_base.interface.graphql.declared import Listing
from api_base.interface.graphql.errors import argument_name
from api_base.interface.graphql.fields import (
    REQUIRED,
    Argument,
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
    has_next_page: bool
    has_previous_page: bool = strawberry.field(description="True behind a cursor: pages go forward only.")
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


class Connections:
    """Makes the root fields of lists. `types` are those of the schema."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._made: dict[type[Any], Any] = {}

    def field(self, listing: Listing) -> StrawberryField:
        """Return the field of a list, with its arguments."""
        by_name = {argument_name(one.name): one for one in listing.fields}
        filters = self._filter_type(listing, by_name)

        async def resolve(root: Any, info: Info, **given: Any) -> tuple[Page[Any], str | None]:
            del root
            request = replace(
                _request(listing, by_name, given), with_cursors=True, include_total=_selects(info.selected_fields, "totalCount")
            )
            page = await info.context.bus.execute(listing.query(request))
            return page, request.cursor

        arguments = _arguments(listing, filters, self._sort_type(listing))
        return field(resolve, self._connection(listing.dto), listing.description, arguments)

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

    def _filter_type(self, listing: Listing, by_name: Mapping[str, Field]) -> Any:
        """Return the input type of the declared fields with their operators, or None for a list without filters."""
        name = self._types.of(listing.dto).__strawberry_definition__.name
        members = {
            argument: self._comparison(f"{name}{argument[0].upper()}{argument[1:]}Filter", one, listing)
            for argument, one in by_name.items()
            if one.operators
        }
        return (
            input_type(f"{name}Filter", {key: (made | None, UNSET) for key, made in members.items()}, "All must match.")
            if members
            else None
        )

    def _comparison(self, name: str, one: Field, listing: Listing) -> Any:
        kind = self._kind(one, listing)
        forms = {_Op.IN: list_of(kind), _Op.IS_NULL: bool, _Op.CONTAINS: list_of(kind)}
        members = {operator.value: (forms.get(operator, kind) | None, UNSET) for operator in _Op if operator in one.operators}
        needs = "" if one.needs is None else f" Needs {argument_name(one.needs)}.eq."
        return input_type(name, members, f"Comparisons of {argument_name(one.name)}: all must match.{needs}")

    def _kind(self, one: Field, listing: Listing) -> Any:
        """Return the type of the values to compare with: an enumeration of the DTO if it has one with the declared choices."""
        if one.choices:
            hint = get_type_hints(listing.dto).get(one.name)
            if isinstance(hint, type) and issubclass(hint, Enum) and {member.value for member in hint} == set(one.choices):
                return strawberry.enum(hint)
        return str if one.parse is not None else (Long if one.kind is int else one.kind)

    def _sort_type(self, listing: Listing) -> Any:
        if not listing.fields.sortable:
            return None
        base = self._types.of(listing.dto).__strawberry_definition__.name
        key = enumeration(f"{base}SortField", {name.replace(".", "_").upper(): name for name in listing.fields.sortable})
        return input_type(f"{base}Sort", {"field": (key, REQUIRED), "direction": (SortDirection, SortDirection.ASC)}, None)


def _arguments(listing: Listing, filters: Any, sort: Any) -> dict[str, Argument]:
    about = strawberry.argument
    arguments: dict[str, Argument] = {
        "first": (Annotated[int, about(description=f"Nodes of the page, 1 to {MAX_LIMIT}.")], DEFAULT_LIMIT),
        "after": (Annotated[str | None, about(description="The cursor of the edge before the page.")], UNSET),
    }
    if filters is not None:
        arguments["filter"] = (filters | None, UNSET)
    if sort is not None:
        arguments["sort"] = (list_of(sort) | None, UNSET)
    if listing.searchable:
        arguments["q"] = (Annotated[str | None, about(description="Text to search for; the best match comes first.")], UNSET)
    return arguments


def _request(listing: Listing, by_name: Mapping[str, Field], given: Mapping[str, Any]) -> ListRequest:
    """Return the request. Raises `Invalid` with every violation."""
    pairs = [("limit", str(given["first"]))]
    pairs += [(name, given[key]) for name, key in (("cursor", "after"), ("q", "q")) if isinstance(given.get(key), str)]
    if given.get("sort"):
        pairs.append(("sort", ",".join(f"{'-' if one.direction is SortDirection.DESC else ''}{one.field.value}" for one in given["sort"])))
    for argument, one in by_name.items():
        comparisons = getattr(given.get("filter"), argument, None)
        if comparisons is not None and comparisons is not UNSET:
            pairs += _compared(one, comparisons)
    return list_request_of(pairs, listing.fields, searchable=listing.searchable)


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


def _page_info(found: tuple[Page[Any], str | None]) -> PageInfo:
    page, after = found
    cursors = page.cursors
    return PageInfo(
        has_next_page=page.next_cursor is not None,
        has_previous_page=after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def _selects(selection: Sequence[Any], name: str) -> bool:
    """Return whether one of the selected fields has a direct field `name`, also by a fragment."""
    return any(_named(one.selections, name) for one in selection)


def _named(selections: Sequence[Any], name: str) -> bool:
    return any(one.name == name if isinstance(one, SelectedField) else _named(one.selections, name) for one in selections)
