"""Reads a file to import from the body of a request, and its mapping from the query parameters."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Query
from starlette.types import Receive, Scope

from api_base.application.common.importing.records import FileFormat
from api_base.application.common.importing.schema import ImportSchema
from api_base.core.errors import Invalid
from api_base.interface.errors.http import UnsupportedMediaType
from api_base.interface.errors.problem import pointer
from api_base.interface.routes import body as bodies
from api_base.interface.routes.parameters import QueryResolver, header

MAX_UPLOAD_BYTES: Final = 10 * 1_048_576
MAX_PARTS: Final = 100
MAX_LENGTH: Final = 500

FORMATS: Final = {
    "text/csv": FileFormat.CSV,
    "application/json": FileFormat.JSON,
    "application/jsonl": FileFormat.JSONL,
    "application/x-ndjson": FileFormat.JSONL,
}

UTF_8: Final = frozenset({"utf-8", "utf8", "us-ascii"})
"""ASCII is a subset of UTF-8."""
_CHARSET: Final = re.compile(r';\s*charset="?([^\s;"]+)', re.IGNORECASE)


def csv_example(record: Mapping[str, str]) -> str:
    """A CSV file with one record. Its values need no quotes."""
    return f"{','.join(record)}\n{','.join(record.values())}\n"


def file_body(record: Mapping[str, str]) -> dict[str, Any]:
    """The body for FastAPI's `openapi_extra`, with `record` as the example."""
    lines = {"schema": {"type": "string", "description": "One JSON object per line."}, "example": json.dumps(record) + "\n"}
    text = {"type": "string", "description": "The first line names the columns [RFC 4180]."}
    array = {"type": "array", "items": {}, "description": "An array of objects, one per record."}
    content = {
        "text/csv": {"schema": text, "example": csv_example(record)},
        "application/json": {"schema": array, "example": [record]},
        "application/jsonl": lines,
        "application/x-ndjson": lines,
    }
    return {"requestBody": {"required": True, "content": content}}


@dataclass(frozen=True, slots=True)
class UploadedFile:
    format: FileFormat
    content: bytes = field(repr=False)


class FileBody:
    """Reads the file. Its content type is its format."""

    async def read(self, scope: Scope, receive: Receive, limit: int) -> UploadedFile:
        """Raises `UnsupportedMediaType`, and the error for a body over `limit` bytes."""
        content = await bodies.read(scope, receive, limit, tuple(FORMATS))
        charset = _CHARSET.search(header(scope, b"content-type") or "")
        if charset is not None and charset[1].lower() not in UTF_8:
            raise UnsupportedMediaType(f"The charset {charset[1]!r} is not accepted. Send UTF-8.")
        return UploadedFile(FORMATS[bodies.media_type(scope)], content)

    def __call__(self) -> None:
        """For FastAPI's documentation, which `file_body` completes."""


ImportedFile = Annotated[UploadedFile, Depends(FileBody())]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingParts:
    """As `ColumnMapping.parse` takes them."""

    maps: Sequence[str]
    constants: Sequence[str]


class MappingQuery(QueryResolver):
    """The query parameters `map` and `set`, which may be repeated. The examples are for the documentation."""

    def __init__[T](self, schema: ImportSchema[T], *, maps: Sequence[str], constants: Sequence[str]) -> None:
        described = (
            "`target=Column` reads a column, `target=Column[0]` the first of its comma-separated values, `target=Column[]` all of them. "
            f"The targets are {', '.join(schema.target_names)}. Without a mapping, columns have these names."
        )
        self.__signature__ = Signature([_parameter("map", described, maps), _parameter("set", "`target=value` for every row.", constants)])

    def resolve(self, scope: Scope) -> MappingParts:
        """Raises `Invalid` for an unknown parameter, and for too many or too long values."""
        found: dict[str, list[str]] = {"map": [], "set": []}
        for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="replace"):
            if name not in found:
                raise Invalid.of(pointer("query", name[:100]), "unknown_parameter", "is unknown: use map and set")
            if len(value) > MAX_LENGTH or len(found[name]) == MAX_PARTS:
                raise Invalid.of(pointer("query", name), "too_long", f"takes at most {MAX_PARTS} values of at most {MAX_LENGTH} characters")
            found[name].append(value)
        return MappingParts(maps=found["map"], constants=found["set"])

    def __call__(self, **parameters: object) -> None:
        """For FastAPI's documentation, by `__signature__`."""


def _parameter(name: str, description: str, example: Sequence[str]) -> Parameter:
    query = Query(description=description, max_length=MAX_PARTS, examples=[list(example)])
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, query])
