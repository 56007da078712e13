"""A file that is ready to be imported: its mapping fits its columns, and its dialect is complete."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO, Final, Self

from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.mapping import ColumnMapping
from api_base.application.common.importing.records import FileFormat, OpenSource, RecordSource
from api_base.application.common.importing.schema import ImportSchema

SAMPLE_ROWS: Final = 1000
"""Rows that show the decimal sign of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFile[T]:
    """`dialect` is complete: a file that is opened with it is read in the same way again."""

    mapping: ColumnMapping[T]
    dialect: Dialect
    columns: Sequence[str] | None
    open: Callable[[], RecordSource]
    """Reads the file from its beginning."""

    @classmethod
    def prepare(
        cls,
        schema: ImportSchema[T],
        maps: Sequence[str],
        constants: Sequence[str],
        open_source: OpenSource,
        file: BinaryIO,
        format: FileFormat,
        dialect: Dialect,
    ) -> Self:
        """Raises `MappingRefused` for a mapping that does not fit, `UnreadableFile` for a bad beginning. Meant for a thread."""
        mapping = ColumnMapping.parse(schema, maps, constants)
        source = open_source(file, format, dialect)
        if source.columns is not None:
            mapping.check(source.columns)
        complete = source.dialect
        if complete.decimal is None:
            complete = replace(complete, decimal=mapping.decimal_sign(islice(source.rows(), SAMPLE_ROWS)))
        else:
            next(source.rows(), None)
        return cls(
            mapping=replace(mapping, comma=complete.decimal == ","),
            dialect=complete,
            columns=source.columns,
            open=lambda: open_source(file, format, complete),
        )
