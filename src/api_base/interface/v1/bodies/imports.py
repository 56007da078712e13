"""The body of a request to import a stored file."""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from api_base.application.common.importing.dialect import Dialect, DialectRefused
from api_base.application.common.importing.records import FileFormat
from api_base.application.common.importing.schema import ImportSchema
from api_base.core.errors import Invalid
from api_base.interface.errors.problem import pointer
from api_base.interface.v1.bodies.base import Body

MAX_PARTS: Final = 100
MAX_LENGTH: Final = 500

IMPORT_EXAMPLE: Final = {"body": {"file_id": "0198c6f2-7d3e-7c44-8d9b-3f0c5b1f2a10"}}
"""The example of a route that imports a file."""
_Parts = Annotated[list[Annotated[str, Field(max_length=MAX_LENGTH)]], Field(max_length=MAX_PARTS)]
_Option = Annotated[str | None, Field(max_length=MAX_LENGTH)]


def mapping_of[T](schema: ImportSchema[T]) -> str:
    """The description of a route: how columns become the targets of `schema`."""
    return (
        "Upload the file to `/files` first. In `map`, `target=Column` reads a column, `target=Column[0]` the first of its comma-separated "
        "values, `target=Column[]` all of them, and `target={Column}-{row}` composes text from columns and the number of the row; in `set`, "
        f"`target=value` is for every row. The targets are {', '.join(schema.target_names)}. Without a mapping, columns have these names."
    )


class ImportBody(Body):
    """The stored file, its mapping, and how it is written: what is null is detected."""

    file_id: Annotated[UUID, Field(strict=False, examples=["0198c6f2-7d3e-7c44-8d9b-3f0c5b1f2a10"])]
    format: Annotated[FileFormat | None, Field(strict=False, description="Null is that of the file's media type.")] = None
    map: Annotated[_Parts, Field(default_factory=list, examples=[["sku=id", "name=Title"]])]
    set: Annotated[_Parts, Field(default_factory=list, examples=[["currency=EUR"]])]
    delimiter: Annotated[_Option, Field(description="Between fields of CSV: comma, semicolon, tab, pipe or a character.")] = None
    quote: Annotated[_Option, Field(description="Around fields of CSV: double, single or none.")] = None
    encoding: Annotated[_Option, Field(description="utf-8, utf-16 or windows-1252.")] = None
    decimal: Annotated[_Option, Field(description="The decimal sign of prices: point or comma.")] = None
    header: Annotated[
        bool, Field(description="Whether the first line of CSV names the columns. If not, they are called 1, 2, 3 and so on.")
    ] = True
    items: Annotated[_Option, Field(description="The member of a JSON object that holds the array, such as data or result.rows.")] = None

    def command(self) -> dict[str, Any]:
        """The fields of `StartImport`. Raises `Invalid`."""
        options = {name: getattr(self, name) for name in ("delimiter", "quote", "encoding", "decimal", "items")}
        try:
            dialect = Dialect.parse(options, header=self.header)
        except DialectRefused as error:
            raise Invalid.of(pointer(error.option), "enum", str(error)) from None
        return {"file_id": self.file_id, "format": self.format, "dialect": dialect, "maps": self.map, "constants": self.set}
