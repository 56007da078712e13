"""A file to import as the body of a request, and its mapping as query parameters."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import Query
from starlette.types import Receive, Scope

from api_base.application.items.importing import Form
from api_base.core.errors import Invalid
from api_base.interface.errors.http import UnsupportedMediaType
from api_base.interface.errors.pointers import pointer
from api_base.interface.routes import body as bodies
from api_base.interface.routes.parameters import QueryResolver, header

MAX_UPLOAD_BYTES: Final = 10 * 1_048_576
MAX_MAPPED: Final = 100
MAX_LENGTH: Final = 500

FORMS: Final = {
    "text/csv": Form.CSV,
    "application/json": Form.JSON,
    "application/jsonl": Form.JSONL,
    "application/x-ndjson": Form.JSONL,
}

UTF_8: Final = frozenset({"utf-8", "utf8", "us-ascii"})
"""ASCII is UTF-8 too."""
_CHARSET: Final = re.compile(r';\s*charset="?([^\s;"]+)', re.IGNORECASE)

CSV_EXAMPLE: Final = "sku,name,category,price,currency\nCHAIR-1,Chair,furniture,12.50,EUR\n"
_OBJECT: Final = {"sku": "CHAIR-1", "name": "Chair", "category": "furniture", "price": "12.50", "currency": "EUR"}
_LINE: Final = '{"sku": "CHAIR-1", "name": "Chair", "category": "furniture"}\n'
_LINES: Final = {"schema": {"type": "string", "description": "A JSON object in each line."}, "example": _LINE}

FILE_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string", "description": "The first line names the columns [RFC 4180]."},
                "example": CSV_EXAMPLE,
            },
            "application/json": {
                "schema": {"type": "array", "items": {}, "description": "An array of objects: a record each."},
                "example": [_OBJECT],
            },
            "application/jsonl": _LINES,
            "application/x-ndjson": _LINES,
        },
    }
}


@dataclass(frozen=True, slots=True)
class UploadedFile:
    form: Form
    content: bytes = field(repr=False)


class FileBody:
    """Reads the file; its form goes by the content type."""

    async def read(self, scope: Scope, receive: Receive, limit: int) -> UploadedFile:
        content = await bodies.read(scope, receive, limit, tuple(FORMS))
        charset = _CHARSET.search(header(scope, b"content-type") or "")
        if charset is not None and charset[1].lower() not in UTF_8:
            raise UnsupportedMediaType(f"The charset {charset[1]!r} is not taken here; send UTF-8.")
        return UploadedFile(FORMS[bodies.media_type(scope)], content)

    def __call__(self) -> None:
        """For FastAPI's documentation, which `FILE_BODY` completes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    maps: Sequence[str]
    constants: Sequence[str]


_MAP = Query(
    description="`target=Column` takes a column, `target=Column[0]` the first of its comma-separated values, `target=Column[]` all of them. "
    "Targets are sku, name, description, category, tags, price, currency and `attributes.NAME`; without any, columns have these names.",
    max_length=MAX_MAPPED,
    examples=[["sku=id", "name=Title"]],
)
_SET = Query(description="`target=value` for every row.", max_length=MAX_MAPPED, examples=[["currency=EUR"]])


class MappingQuery(QueryResolver):
    """`map` and `set`, as often as needed."""

    def resolve(self, scope: Scope) -> Mapped:
        """Raises `Invalid` for a parameter that is neither, and for too many or too long ones."""
        found: dict[str, list[str]] = {"map": [], "set": []}
        for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="replace"):
            if name not in found:
                raise Invalid.of(pointer("query", name[:100]), "unknown_parameter", "is not known here (map and set are)")
            if len(value) > MAX_LENGTH or len(found[name]) == MAX_MAPPED:
                raise Invalid.of(
                    pointer("query", name), "too_long", f"takes at most {MAX_MAPPED} values of at most {MAX_LENGTH} characters"
                )  # fmt: skip
            found[name].append(value)
        return Mapped(maps=found["map"], constants=found["set"])

    def __call__(
        self, map: Annotated[list[str] | None, _MAP] = None, set: Annotated[list[str] | None, _SET] = None
    ) -> None:  # fmt: skip
        """For the documentation."""
