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

from api_base.application.common.importing.dialect import ENCODINGS, Dialect, DialectRefused
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

_CHARSET: Final = re.compile(r';\s*charset="?([^\s;"]+)', re.IGNORECASE)


def csv_example(record: Mapping[str, str]) -> str:
    """A CSV file with one record. Its values need no quotes."""
    return f"{','.join(record)}\n{','.join(record.values())}\n"


def file_body(record: Mapping[str, str]) -> dict[str, Any]:
    """The body for FastAPI's `openapi_extra`, with `record` as the example."""
    lines = {"schema": {"type": "string", "description": "One JSON object per line."}, "example": json.dumps(record) + "\n"}
    text = {"type": "string", "description": "The first line names the columns [RFC 4180], unless `header=false`."}
    array = {
        "type": ["array", "object"],
        "items": {},
        "description": "An array of objects, one per record, or an object with one such array.",
    }
    content = {
        "text/csv": {"schema": text, "example": csv_example(record)},
        "application/json": {"schema": array, "example": [record]},
        "application/jsonl": lines,
        "application/x-ndjson": lines,
    }
    return {"requestBody": {"required": True, "content": content}}


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """`charset` is the encoding that the content type names."""

    format: FileFormat
    charset: str | None
    content: bytes = field(repr=False)


class FileBody:
    """Reads the file. Its content type is its format."""

    async def read(self, scope: Scope, receive: Receive, limit: int) -> UploadedFile:
        """Raises `UnsupportedMediaType`, and the error for a body over `limit` bytes."""
        content = await bodies.read(scope, receive, limit, tuple(FORMATS))
        charset = _CHARSET.search(header(scope, b"content-type") or "")
        if charset is not None and charset[1].lower() not in ENCODINGS:
            raise UnsupportedMediaType(f"The charset {charset[1]!r} is not accepted. Send UTF-8, UTF-16 or Windows-1252.")
        return UploadedFile(FORMATS[bodies.media_type(scope)], charset[1] if charset else None, content)

    def __call__(self) -> None:
        """For FastAPI's documentation, which `file_body` completes."""


ImportedFile = Annotated[UploadedFile, Depends(FileBody())]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportParameters:
    """`maps` and `constants` as `ColumnMapping.parse` takes them, and the options of the dialect."""

    maps: Sequence[str]
    constants: Sequence[str]
    options: Mapping[str, str]

    def dialect(self, file: UploadedFile) -> Dialect:
        """The dialect of the uploaded file. Raises `Invalid`."""
        try:
            return Dialect.parse({"encoding": file.charset, **self.options}, header=self.options.get("header") != "false")
        except DialectRefused as error:
            raise Invalid.of(pointer("query", error.option), "enum", str(error)) from None


class ImportQuery(QueryResolver):
    """The query parameters `map` and `set`, which may be repeated, and those of the dialect. The examples are for the documentation."""

    def __init__[T](self, schema: ImportSchema[T], *, maps: Sequence[str], constants: Sequence[str]) -> None:
        described = (
            "`target=Column` reads a column, `target=Column[0]` the first of its comma-separated values, `target=Column[]` all of them, and "
            "`target={Column}-{row}` composes text from columns and the number of the row. "
            f"The targets are {', '.join(schema.target_names)}. Without a mapping, columns have these names."
        )
        options = [Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=kind) for name, kind in DIALECT_PARAMETERS.items()]
        lists = [_parameter("map", described, maps), _parameter("set", "`target=value` for every row.", constants)]
        self.__signature__ = Signature([*lists, *options])

    def resolve(self, scope: Scope) -> ImportParameters:
        """Raises `Invalid` for an unknown parameter, and for too many or too long values."""
        found: dict[str, list[str]] = {"map": [], "set": []}
        options: dict[str, str] = {}
        try:
            pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            raise Invalid.of("/query", "encoding", "is not UTF-8: percent-encode the bytes of UTF-8") from None
        for name, value in pairs:
            at = pointer("query", name[:100])
            if name not in found and name not in DIALECT_PARAMETERS:
                raise Invalid.of(at, "unknown_parameter", f"is unknown: use {', '.join([*found, *DIALECT_PARAMETERS])}")
            if len(value) > MAX_LENGTH or len(found.get(name, ())) == MAX_PARTS:
                raise Invalid.of(at, "too_long", f"takes at most {MAX_PARTS} values of at most {MAX_LENGTH} characters")
            if name in found:
                found[name].append(value)
            elif name in options:
                raise Invalid.of(at, "repeated", "must be given once")
            elif name == "header" and value not in ("true", "false"):
                raise Invalid.of(at, "enum", "must be true or false")
            else:
                options[name] = value
        return ImportParameters(maps=found["map"], constants=found["set"], options=options)

    def __call__(self, **parameters: object) -> None:
        """For FastAPI's documentation, by `__signature__`."""


def _parameter(name: str, description: str, example: Sequence[str]) -> Parameter:
    query = Query(description=description, max_length=MAX_PARTS, examples=[list(example)])
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, query])


def _option(description: str, example: str) -> object:
    return Annotated[str | None, Query(description=f"{description} Default: detected.", max_length=MAX_LENGTH, examples=[example])]


DIALECT_PARAMETERS: Final[Mapping[str, object]] = {
    "delimiter": _option("What separates the fields of CSV: comma, semicolon, tab, pipe or a character.", "semicolon"),
    "quote": _option("The quotes around fields of CSV: double, single or none.", "double"),
    "encoding": _option("utf-8, utf-16 or windows-1252. The charset of the content type means the same.", "utf-8"),
    "decimal": _option("The decimal sign of prices: point or comma.", "point"),
    "header": Annotated[
        bool | None,
        Query(description="Whether the first line of CSV names the columns. If not, they are called 1, 2, 3 and so on. Default: true."),
    ],
    "items": _option("The member of a JSON object that holds the array, such as data or result.rows.", "data"),
}
