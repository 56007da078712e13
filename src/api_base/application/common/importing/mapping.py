"""Maps the columns of a file to the target fields of an import.

`target=Column` reads a column, `target=Column[0]` the first of its comma-separated values, `target=Column[]` all of them, and
`target={Column}-{row}` composes text from columns and the number of the row. Without a mapping, columns have the names of the targets.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from api_base.application.common.importing.decimals import decimal_sign, plain_decimal
from api_base.application.common.importing.records import Record, SourceRow
from api_base.application.common.importing.schema import ImportSchema, as_text, as_texts, json_text
from api_base.core.errors import Invalid, RuleViolated

MAX_REASON_LENGTH: Final = 500
"""Characters of the columns that an error lists: the first line of a file that is not CSV may be anything."""
_SOURCE: Final = re.compile(r"(.+?)(\[0\]|\[\])?")
_PART: Final = re.compile(r"\{([^{}]+)\}")
MAX_COMPOSED_LENGTH: Final = 65_536
"""Characters of a composed value, which may name a long column many times."""
ROW: Final = "row"
"""In a composed value, the number of the row; or the column of this name, if the file has one."""

type Read = Callable[[Record, int], object]
"""Reads a value of a record, given its row number."""


class MappingRefused(RuleViolated):
    """The mapping cannot work. The message names the part and the alternatives."""


@dataclass(frozen=True, slots=True)
class ColumnMapping[T]:
    """`read` gets the value of each target; the `required` of the `columns` must be in the file.

    `by_name`: columns have the names of the targets. `comma`: numbers have a decimal comma.
    """

    schema: ImportSchema[T]
    read: Mapping[str, Read]
    columns: frozenset[str]
    required: frozenset[str]
    by_name: bool
    constants: frozenset[str]
    comma: bool = False

    @classmethod
    def parse(cls, schema: ImportSchema[T], maps: Sequence[str], constants: Sequence[str], *, comma: bool = False) -> Self:
        """Parse texts of the form `target=Column`, and `target=value` for constants. Raises `MappingRefused`."""
        read: dict[str, Read] = {}
        columns: set[str] = set()
        for part in maps:
            target, source = _split(schema, part, read)
            read[target], used = _source(schema, target, source)
            columns |= used
        fixed: dict[str, str] = {}
        for part in constants:
            target, value = _split(schema, part, read)
            if target == schema.key:
                raise MappingRefused(f"{part}: each row needs its own {target}. Map {target}=COLUMN.")
            fixed[target], read[target] = value, _constant(value)
        _check_constants(schema, fixed)
        needed = {target.name for target in schema.targets if target.required}
        required = columns
        if not maps:
            by_name = {target.name: _reader(target.name, target.name, "[]" if target.multiple else None) for target in schema.targets}
            columns, required = by_name.keys() - read.keys(), needed - fixed.keys()
            read = by_name | read
        if missing := [target.name for target in schema.targets if target.required and target.name not in read]:
            raise MappingRefused(f"The mapping does not set {', '.join(missing)}. Add {missing[0]}=COLUMN.")
        return cls(schema, read, frozenset(columns), frozenset(required), not maps, frozenset(fixed), comma)

    def check(self, columns: Iterable[str]) -> None:
        """Raises `MappingRefused` for a column that the file does not have, or has more than once. Other columns are of no concern."""
        known = Counter(columns)
        if missing := sorted(self.required - known.keys()):
            has = ", ".join(name if name.isprintable() else ascii(name) for name in known)
            listed = has if len(has) <= MAX_REASON_LENGTH else f"{has[:MAX_REASON_LENGTH]}…"
            raise MappingRefused(f"The file has no column {', '.join(missing)}; it has {listed}.")
        if twice := sorted(name for name, count in known.items() if count > 1 and self._uses(name)):
            raise MappingRefused(f"The file has several columns with the name {', '.join(twice)}, which the mapping uses. Rename them.")

    def decimal_sign(self, rows: Iterable[SourceRow]) -> str:
        """The decimal sign of these rows: `,` or `.`."""
        readers = [self.read[name] for name in self._decimals()]
        return decimal_sign(read(row.record, row.original) for row in rows for read in readers)

    def row(self, record: Record, number: int = 0) -> T:
        """The row of a record. Raises `Invalid`."""
        if self.by_name:
            record = self._whole(record)
        values = {target: read(record, number) for target, read in self.read.items()}
        for target in self._decimals():
            values[target] = plain_decimal(values[target], target, comma=self.comma)
        if self.by_name and self.schema.group is not None:
            values = _group(record, self.schema.group) | values
        return self.schema.row(values)

    def _whole(self, record: Record) -> Record:
        """Return the record with an object for each target whose members are columns, such as `price.amount`, as exports have them."""
        objects: dict[str, dict[str, object]] = {}
        for name, value in record.items():
            target, dot, member = name.partition(".")
            if dot and target in self.columns and target not in record:
                objects.setdefault(target, {})[member] = value
        return {**record, **objects} if objects else record

    def _decimals(self) -> list[str]:
        return [one.name for one in self.schema.targets if one.decimal and one.name in self.read and one.name not in self.constants]

    def _uses(self, column: str) -> bool:
        group = f"{self.schema.group}." if self.by_name and self.schema.group else None
        return column in self.columns or (group is not None and column.startswith(group))


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
        target = violation.pointer.removeprefix("/").partition("/")[0]
        value = fixed.get(target, "")  # a constant may be a part of what is refused
        raise MappingRefused(f"{target}={value}: {violation.message}.") from None


def _group(record: Record, group: str) -> dict[str, object]:
    """The free targets in a record: columns `<group>.<name>`, and the entries of an object `<group>`, which CSV has as JSON.

    Raises `Invalid` for another type.
    """
    nested = record.get(group)
    if isinstance(nested, str) and nested.startswith("{"):
        nested = json_text(nested)
    if nested not in (None, "") and not isinstance(nested, Mapping):
        raise Invalid.of(f"/{group}", "type", "must be an object")
    entries = nested if isinstance(nested, Mapping) else {}
    prefix = f"{group}."
    return {f"{prefix}{name}": value for name, value in entries.items()} | {
        name: value for name, value in record.items() if name.startswith(prefix) and name != prefix
    }


def _constant(value: str) -> Read:
    return lambda record, number: value


def _source[T](schema: ImportSchema[T], target: str, source: str) -> tuple[Read, set[str]]:
    """The reader of a source, and the columns that it needs."""
    if parts := _PART.findall(source):
        return _composed(target, source, key=target == schema.key), set(parts) - {ROW}
    match = _SOURCE.fullmatch(source)
    column, form = (match[1], match[2]) if match else (source, None)
    return _reader(target, column, form), {column}


def _reader(target: str, column: str, form: str | None) -> Read:
    if form is None:
        return lambda record, number: record.get(column)
    if form == "[]":
        return lambda record, number: as_texts(record.get(column), target)
    return lambda record, number: next(iter(as_texts(record.get(column), target)), "")


def _composed(target: str, template: str, *, key: bool) -> Read:
    """A key needs all of its parts: two rows without them would have one key."""

    def read(record: Record, number: int) -> str:
        left = MAX_COMPOSED_LENGTH

        def part(match: re.Match[str]) -> str:
            nonlocal left
            column = match[1]
            value = number if column == ROW and ROW not in record else record.get(column)
            text = as_text(value, target).strip()
            if key and not text:
                raise Invalid.of(f"/{target}", "blank", f"is composed of {column}, which is blank")
            left -= len(text)
            if left < 0:
                raise Invalid.of(f"/{target}", "too_long", f"is composed of more than {MAX_COMPOSED_LENGTH} characters")
            return text

        return _PART.sub(part, template)

    return read
