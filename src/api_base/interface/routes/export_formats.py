"""The rows of a list as CSV [RFC 4180] and as JSON Lines. What is exported can be imported, and then nothing has changed.

In CSV an object is a column for each of its members (`price.amount`), a list is text with commas, and other values are JSON. A cell that a
spreadsheet would calculate begins with an apostrophe. The first column, `_row`, counts: by it, an import recognises such cells.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, get_type_hints

import msgspec

from api_base.core.shared.formula_cells import neutral_cell
from api_base.interface.routes.renaming import Wire
from api_base.interface.routes.rendering import encode, narrowed
from api_base.interface.routes.single_values import optional

CSV: Final = "text/csv"
JSONL: Final = "application/jsonl"
ROW: Final = "_row"

type Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What is exported of each row: fields of `dto`, by their names for clients and for Python, in this order."""

    dto: Any
    names: Sequence[tuple[str, str]]
    wire: Wire | None = None


type Encoder = Callable[[Sequence[Any]], bytes]
"""Returns the rows of the next page as text in UTF-8."""


def json_lines(rows: Rows) -> Encoder:
    """Return an encoder of a JSON object for each row."""

    def encoded(items: Sequence[Any]) -> bytes:
        return b"".join([encode(narrowed(item, rows.names, rows.wire)) + b"\n" for item in items])

    return encoded


def comma_separated(rows: Rows) -> Encoder:
    """Return an encoder of a line for each row, after one with the names of the columns."""
    columns = list(_columns(rows))
    number = 0

    def encoded(items: Sequence[Any]) -> bytes:
        nonlocal number
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        if number == 0:
            writer.writerow([ROW, *(name for name, _ in columns)])
        for item in items:
            number += 1
            writer.writerow([number, *(_cell(_value(item, path)) for _, path in columns)])
        return text.getvalue().encode()

    return encoded


FORMATS: Final[Mapping[str, tuple[bytes, str, Callable[[Rows], Encoder]]]] = {
    CSV: (b"text/csv; charset=utf-8; header=present", "csv", comma_separated),
    JSONL: (b"application/jsonl", "jsonl", json_lines),
}
"""The value of Content-Type, the end of the file's name, and the encoder of each media type."""


def _columns(rows: Rows) -> Iterator[tuple[str, Path]]:
    hints = get_type_hints(rows.dto)
    for name, own in rows.names:
        yield from _parts(name, (own,), hints[own], rows.wire)


def _parts(name: str, path: Path, hint: Any, wire: Wire | None) -> Iterator[tuple[str, Path]]:
    kind = optional(hint)
    if not (isinstance(kind, type) and is_dataclass(kind)):
        yield name, path
        return
    hints = get_type_hints(kind)
    for one in fields(kind):
        yield from _parts(f"{name}.{one.name if wire is None else wire(one.name)}", (*path, one.name), hints[one.name], wire)


def _value(item: Any, path: Path) -> Any:
    for name in path:
        if item is None:
            return None
        item = getattr(item, name)
    return item


def _cell(value: Any) -> str:
    plain = msgspec.to_builtins(value, enc_hook=str)
    if plain is None:
        return ""
    if isinstance(plain, str):
        return neutral_cell(plain)
    if isinstance(plain, list) and all(_joins(one) for one in plain):
        return neutral_cell(",".join(plain))
    return json.dumps(plain, ensure_ascii=False)


def _joins(member: Any) -> bool:
    return isinstance(member, str) and bool(member) and "," not in member and not member.startswith("[") and member == member.strip()
