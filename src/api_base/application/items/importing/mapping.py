"""How a record of a file becomes an item's details.

`target=Column` takes a column, `target=Column[0]` the first of its comma-separated values, `target=Column[]` all of them.
Targets are sku, name, description, category, tags, price, currency and `attributes.<name>`. Without any mapping, columns are
taken by the targets' own names.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api_base.application.items.importing.records import Record
from api_base.core.errors import Invalid, RuleViolated
from api_base.domain.common.value_objects import Money
from api_base.domain.items.entities import ItemDetails

TARGETS: Final = ("sku", "name", "description", "category", "tags", "price", "currency")
_MOST_PRECISE_CURRENCY: Final = "KWD"
"""No currency has more decimal places: a price that it cannot have none can."""
MAX_REASON_LENGTH: Final = 500
"""Characters that are told of the columns of a file: of one that is none, the first line may be anything."""
_SOURCE: Final = re.compile(r"(.+?)(\[0\]|\[\])?")


class MappingRefused(RuleViolated):
    """A mapping that cannot work: names its part and what is possible."""


@dataclass(frozen=True, slots=True)
class ItemMapping:
    """`read` gives each target's value; `columns` are those that the file must have. `by_name`: all columns are taken that are targets."""

    read: Mapping[str, Callable[[Record], Any]]
    columns: frozenset[str]
    by_name: bool

    @classmethod
    def parse(cls, maps: Sequence[str], constants: Sequence[str]) -> "ItemMapping":
        """From texts of the form `target=Column`, and `target=value` for constants. Raises `MappingRefused`."""
        read: dict[str, Callable[[Record], Any]] = {}
        columns: set[str] = set()
        for text in maps:
            target, source = _new(text, read)
            match = _SOURCE.fullmatch(source)
            column, form = (match[1], match[2]) if match else (source, None)
            read[target] = _reader(column, form)
            columns.add(column)
        fixed: dict[str, str] = {}
        for text in constants:
            target, value = _new(text, read)
            if target == "sku":
                raise MappingRefused(f"{text}: each row needs a sku of its own. Map sku=COLUMN.")
            fixed[target], read[target] = value, _constant(value)
        _check_price(fixed)
        if not maps:
            read = {target: _reader(target, "[]" if target == "tags" else None) for target in TARGETS} | read
            columns = {"sku", "name", "category"} - fixed.keys()
        missing = [target for target in ("sku", "name", "category") if target not in read]
        if missing:
            raise MappingRefused(f"Nothing says where {', '.join(missing)} comes from: map {missing[0]}=COLUMN.")
        return cls(read, frozenset(columns), not maps)

    def check(self, columns: Iterable[str]) -> None:
        """Raises `MappingRefused` for a column that the file does not have."""
        known = list(columns)
        missing = sorted(self.columns - set(known))
        if missing:
            has = ", ".join(name if name.isprintable() else ascii(name) for name in known)
            told = has if len(has) <= MAX_REASON_LENGTH else f"{has[:MAX_REASON_LENGTH]}…"
            raise MappingRefused(f"The file has no column {', '.join(missing)}; it has {told}.")

    def details(self, record: Record) -> ItemDetails:
        """Raises `Invalid` with everything that is wrong with the record."""
        values = {target: read(record) for target, read in self.read.items()}
        if self.by_name:
            values = _attributes(record) | values
        attributes = {
            target.removeprefix("attributes."): value
            for target, value in values.items()
            if target.startswith("attributes.") and value not in (None, "")
        }
        return ItemDetails(
            sku=_text(values.get("sku"), "/sku"),
            name=_text(values.get("name"), "/name"),
            description=_text(values.get("description"), "/description"),
            price=_price(values.get("price"), values.get("currency")),
            category=_text(values.get("category"), "/category"),
            tags=tuple(dict.fromkeys(_list(values.get("tags")))),
            attributes=attributes,
        )


def _new(text: str, read: Mapping[str, object]) -> tuple[str, str]:
    """Target and source of a part of the mapping. Raises `MappingRefused` for a target that another part gives already."""
    target, source = _split(text)
    if target in read:
        raise MappingRefused(f"{text}: something else gives {target} already. Say it once.")
    return target, source


def _split(text: str) -> tuple[str, str]:
    target, separator, value = text.partition("=")
    if not separator or not value:
        raise MappingRefused(f"{text!r} is not of the form target=value.")
    if target not in TARGETS and not (target.startswith("attributes.") and len(target) > len("attributes.")):
        raise MappingRefused(f"{target!r} in {text!r} is no target; there are {', '.join(TARGETS)} and attributes.NAME.")
    return target, value


def _check_price(fixed: Mapping[str, str]) -> None:
    """Raises `MappingRefused` for a constant price or currency that no row could have."""
    try:
        Money.parse(fixed.get("price", "0"), fixed.get("currency", _MOST_PRECISE_CURRENCY))
    except Invalid as error:
        wrong = error.violations[0]
        target = "currency" if wrong.pointer == "/currency" else "price"
        told = wrong.message if "currency" in fixed or wrong.code != "precision" else "no currency has so many decimal places"
        raise MappingRefused(f"{target}={fixed[target]}: {told}.") from None


def _attributes(record: Record) -> dict[str, Any]:
    """Targets of the attributes that a record names: `attributes.NAME`, or all of an object `attributes`. Raises `Invalid` for another one."""
    nested = record.get("attributes")
    if nested is None or nested == "":
        nested = {}
    if not isinstance(nested, Mapping):
        raise Invalid.of("/attributes", "type", "must be an object")
    told = {f"attributes.{name}": value for name, value in nested.items()}
    return told | {name: value for name, value in record.items() if name.startswith("attributes.") and name != "attributes."}


def _constant(value: str) -> Callable[[Record], Any]:
    return lambda record: value


def _reader(column: str, form: str | None) -> Callable[[Record], Any]:
    if form is None:
        return lambda record: record.get(column)
    if form == "[]":
        return lambda record: _list(record.get(column))
    return lambda record: next(iter(_list(record.get(column))), "")


def _list(value: Any) -> list[str]:
    if value is None:
        return []
    parts = value if isinstance(value, list) else _text(value, "/tags").split(",")
    return [part for part in (_text(one, "/tags").strip() for one in parts) if part]


def _text(value: Any, pointer: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | list | Mapping):
        raise Invalid.of(pointer, "type", "must be text or a number")
    return "" if value is None else str(value)


def _price(amount: Any, currency: Any) -> Money | None:
    """A price may be an object of both, as the API has it."""
    if isinstance(amount, Mapping):
        amount, currency = amount.get("amount"), amount.get("currency")
    text = _text(amount, "/price").strip()
    if not text:
        return None
    if currency in (None, ""):
        raise Invalid.of("/currency", "missing", "is needed with a price")
    return Money.parse(text, _text(currency, "/currency").strip(), pointer="/price")
