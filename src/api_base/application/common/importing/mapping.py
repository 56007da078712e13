"""Maps the columns of a file to the target fields of an import.

`target=Column` reads a column, `target=Column[0]` the first of its comma-separated values, `target=Column[]` all of them. Without a
mapping, columns have the names of the targets.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from api_base.application.common.importing.records import Record
from api_base.application.common.importing.schema import ImportSchema, as_texts
from api_base.core.errors import Invalid, RuleViolated

MAX_REASON_LENGTH: Final = 500
"""Characters of the columns that an error lists: the first line of a file that is not CSV may be anything."""
_SOURCE: Final = re.compile(r"(.+?)(\[0\]|\[\])?")

type Read = Callable[[Record], object]


class MappingRefused(RuleViolated):
    """The mapping cannot work. The message names the part and the alternatives."""


@dataclass(frozen=True, slots=True)
class ColumnMapping[T]:
    """`read` gets the value of each target, `columns` are required in the file. `by_name`: columns have the names of the targets."""

    schema: ImportSchema[T]
    read: Mapping[str, Read]
    columns: frozenset[str]
    by_name: bool

    @classmethod
    def parse(cls, schema: ImportSchema[T], maps: Sequence[str], constants: Sequence[str]) -> Self:
        """Parse texts of the form `target=Column`, and `target=value` for constants. Raises `MappingRefused`."""
        read: dict[str, Read] = {}
        columns: set[str] = set()
        for part in maps:
            target, source = _split(schema, part, read)
            match = _SOURCE.fullmatch(source)
            column, form = (match[1], match[2]) if match else (source, None)
            read[target] = _reader(target, column, form)
            columns.add(column)
        fixed: dict[str, str] = {}
        for part in constants:
            target, value = _split(schema, part, read)
            if target == schema.key:
                raise MappingRefused(f"{part}: each row needs its own {target}. Map {target}=COLUMN.")
            fixed[target], read[target] = value, _constant(value)
        _check_constants(schema, fixed)
        required = {target.name for target in schema.targets if target.required}
        if not maps:
            by_name = {target.name: _reader(target.name, target.name, "[]" if target.multiple else None) for target in schema.targets}
            read, columns = by_name | read, required - fixed.keys()
        if missing := [target.name for target in schema.targets if target.required and target.name not in read]:
            raise MappingRefused(f"The mapping does not set {', '.join(missing)}. Add {missing[0]}=COLUMN.")
        return cls(schema, read, frozenset(columns), not maps)

    def check(self, columns: Iterable[str]) -> None:
        """Raises `MappingRefused` for a column that the file does not have."""
        known = list(columns)
        if missing := sorted(self.columns - set(known)):
            has = ", ".join(name if name.isprintable() else ascii(name) for name in known)
            listed = has if len(has) <= MAX_REASON_LENGTH else f"{has[:MAX_REASON_LENGTH]}…"
            raise MappingRefused(f"The file has no column {', '.join(missing)}; it has {listed}.")

    def row(self, record: Record) -> T:
        """The row of a record. Raises `Invalid`."""
        values = {target: read(record) for target, read in self.read.items()}
        if self.by_name and self.schema.group is not None:
            values = _group(record, self.schema.group) | values
        return self.schema.row(values)


def _split[T](schema: ImportSchema[T], part: str, read: Mapping[str, Read]) -> tuple[str, str]:
    target, separator, source = part.partition("=")
    if not separator or not source:
        raise MappingRefused(f"{part!r} is not of the form target=value.")
    if not schema.accepts(target):
        raise MappingRefused(f"{target!r} in {part!r} is not a target. The targets are {', '.join(schema.target_names)}.")
    if target in read:
        raise MappingRefused(f"{part}: {target} is set more than once. Set it once.")
    return target, source


def _check_constants[T](schema: ImportSchema[T], fixed: Mapping[str, str]) -> None:
    try:
        schema.check_constants(fixed)
    except Invalid as error:
        violation = error.violations[0]
        target = violation.pointer.removeprefix("/")
        raise MappingRefused(f"{target}={fixed[target]}: {violation.message}.") from None


def _group(record: Record, group: str) -> dict[str, object]:
    """The free targets in a record: columns `<group>.<name>`, and the entries of an object `<group>`. Raises `Invalid` for another type."""
    nested = record.get(group)
    if nested not in (None, "") and not isinstance(nested, Mapping):
        raise Invalid.of(f"/{group}", "type", "must be an object")
    entries = nested if isinstance(nested, Mapping) else {}
    prefix = f"{group}."
    return {f"{prefix}{name}": value for name, value in entries.items()} | {
        name: value for name, value in record.items() if name.startswith(prefix) and name != prefix
    }


def _constant(value: str) -> Read:
    return lambda record: value


def _reader(target: str, column: str, form: str | None) -> Read:
    if form is None:
        return lambda record: record.get(column)
    if form == "[]":
        return lambda record: as_texts(record.get(column), target)
    return lambda record: next(iter(as_texts(record.get(column), target)), "")
