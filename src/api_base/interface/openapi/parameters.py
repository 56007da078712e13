"""Parameters of routes other than path values: conditions, sparse fields, and the query string of lists."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from api_base.application.common.listing import DEFAULT_LIMIT, MAX_CURSOR_LENGTH, MAX_LIMIT, MAX_ROWS, Field
from api_base.domain.common.specification import ComparisonOperator
from api_base.interface.listing import MAX_VALUE_LENGTH
from api_base.interface.routes import ListQuery, OffsetQuery
from api_base.interface.routes.idempotency import PATTERN

type Json = dict[str, Any]

LINE: Final = r"^[^\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+$"
"""Text that is stored in one line (`domain.common.text`): no control characters."""
TAGS: Final = r'^(\*|(W/)?"[!#-~]*"( ?, ?(W/)?"[!#-~]*"){0,31})$'
"""Entity tags, or `*` [RFC 9110, section 13.1]."""

IF_MATCH: Final[Json] = {
    "name": "If-Match",
    "in": "header",
    "description": "The `ETag` of the version that you read, or `*` for any version.",
    "schema": {"type": "string", "pattern": TAGS},
    "example": '"v1-json1"',
}
IF_NONE_MATCH: Final[Json] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "Entity tags that the client has. The response is `304` if one of them is the current version.",
    "schema": {"type": "string", "pattern": TAGS},
}
IDEMPOTENCY_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A request that is repeated with the same key, such as a UUID, within 24 hours is executed once and gets the first response again.",
    "schema": {"type": "string", "pattern": PATTERN},
}
"""Without an example: pages that send requests would send each with the same key."""
FIELDS: Final[Json] = {
    "name": "fields",
    "in": "query",
    "required": False,
    "description": "The fields of each result to return, separated by commas. The response omits all other fields, even required ones.",
    "schema": {"type": "string", "maxLength": MAX_VALUE_LENGTH},
}

_KINDS: Final[dict[type[Any], Json]] = {
    str: {"type": "string", "maxLength": MAX_VALUE_LENGTH},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    UUID: {"type": "string", "format": "uuid"},
}
_TEXT: Final = {"type": "string", "maxLength": MAX_VALUE_LENGTH}


def list_parameters(listing: ListQuery) -> list[Json]:
    """The query parameters of a list. Each filter is an object for its field: `?price[ge]=10`."""
    fields = listing.fields.renamed(listing.wire)
    parameters = [
        _query(
            "limit", f"Maximum number of results; the default is {DEFAULT_LIMIT}.", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}
        ),
        *(_BY_OFFSET if isinstance(listing, OffsetQuery) else _by_cursor(listing)),
    ]
    if fields.sortable:
        about = f"Fields to sort by, separated by commas; a leading `-` sorts in descending order. Allowed: {', '.join(fields.sortable)}. "
        parameters.append(
            _query(
                "sort",
                about + "The default is the first field that is filtered by values, a range or a prefix.",
                listed(fields.sortable, "-?"),
            )
        )
    if listing.searchable:
        parameters.append(_query("q", "Text to search for.", {"type": "string", "minLength": 1, "maxLength": MAX_VALUE_LENGTH}))
    return parameters + [_filter(field) for field in fields if field.operators]


def listed(names: Iterable[str], sign: str = "") -> Json:
    """Return the schema of names that are separated by commas. `sign` is a pattern of what may stand before each."""
    one = f"{sign}({'|'.join(map(re.escape, names))})"
    return {"type": "string", "maxLength": MAX_VALUE_LENGTH, "pattern": f"^{one}(,{one})*$"}


def _filter(field: Field) -> Json:
    about = f"Filters by `{field.name}`. `?{field.name}=…` means `eq`; write a comma inside a value of `in` as `\\,`."
    if field.needs is not None:
        about += f" Requires a filter on `{field.needs}`."
    if scanning := sorted(operator.value for operator in field.operators & field.scan):
        about += f" {', '.join(f'`{name}`' for name in scanning)} may be slow on a large list."
    operators = {operator.value: _operand(field, operator) for operator in sorted(field.operators, key=lambda one: one.value)}
    schema = {"type": "object", "additionalProperties": False, "properties": operators}
    nothing: Json = {}  # pages that send requests fill in every operator of a filter without an example
    return {**_query(field.name, about, schema), "style": "deepObject", "explode": True, "example": nothing}


def _operand(field: Field, operator: ComparisonOperator) -> Json:
    if operator is ComparisonOperator.IS_NULL:
        return {"type": "boolean"}
    if operator is ComparisonOperator.IN or operator in (ComparisonOperator.CONTAINS, ComparisonOperator.STARTS_WITH):
        return _TEXT
    if field.parse is not None:
        return _TEXT
    return {**_KINDS[field.kind], **({"enum": list(field.choices)} if field.choices else {})}


def _query(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _by_cursor(listing: ListQuery) -> list[Json]:
    about = f"`{listing.wire('next_cursor')}` of the previous page."
    return [
        _query("cursor", about, {"type": "string", "maxLength": MAX_CURSOR_LENGTH}),
        _query(listing.wire("include_total"), "Whether to count `total`, which takes time.", {"type": "boolean"}),
    ]


_BY_OFFSET: Final = (
    _query(
        "offset",
        f"Number of results before the page. A page that ends beyond result {MAX_ROWS} is refused.",
        {"type": "integer", "minimum": 0, "maximum": MAX_ROWS - 1, "default": 0},
    ),
)
