"""How the values of attributes are stored: the columns of each type, and what converts a value to them and back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from operator import attrgetter
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api_base.core.base import ValueObject
from api_base.domain.common.attributes import Attribute, attribute_of
from api_base.domain.common.value_objects import Money
from api_base.infrastructure.db.schema import text, timestamp
from api_base.infrastructure.serialization.json_codec import decode, encode_strictly

type ColumnType = sa.types.TypeEngine[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart[V]:
    """One column of a value. `suffix` is what its name adds to that of the attribute, `field` what the name of its filter adds. `value` returns what
    the column holds; None if it holds the value as it is.
    """

    type: ColumnType
    value: Callable[[V], Any] | None = None
    suffix: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter[V]:
    """How values of one type are stored. `load` restores a value from those of its columns, in their order; None if there is nothing to do."""

    parts: Sequence[StoredPart[V]]
    load: Callable[..., V] | None = None


type Converters = Mapping[type[Any], Converter[Any]]

_PLAIN: Final[Mapping[Any, Callable[[], ColumnType]]] = {
    str: text,
    bool: sa.Boolean,
    int: sa.BigInteger,
    UUID: sa.Uuid,
    datetime: timestamp,
    date: sa.Date,
    bytes: sa.LargeBinary,
}
MONEY: Final = Converter[Money](
    parts=(
        StoredPart(type=sa.BigInteger(), value=attrgetter("minor"), suffix="_minor", field=".amount"),
        StoredPart(type=text(), value=attrgetter("currency"), suffix="_currency", field=".currency"),
    ),
    load=lambda minor, currency: Money(minor=minor, currency=currency),
)
"""In minor units: comparisons of `numeric` are not leakproof, so with a policy no index serves them."""
_JSON: Final = Converter[Any](parts=(StoredPart(type=JSONB(), value=lambda value: encode_strictly(value).decode()),), load=decode)


def converter_of(attribute: Attribute, declared: Converters) -> Converter[Any] | None:
    """Return how the values of an attribute are stored: as `declared`, as a type that a column holds, as money, as the value of an enumeration or of a
    value object with one, as an array or as JSON. None if none of these fits.
    """
    kind = attribute.kind
    if kind in declared:
        return declared[kind]
    if kind in _PLAIN:
        return Converter(parts=(StoredPart(type=_PLAIN[kind]()),))
    if kind is Money:
        return MONEY
    if kind in (dict, Mapping):
        return _JSON
    if kind in (tuple, list, Sequence):
        return _array(attribute, declared)
    if not isinstance(kind, type):
        return None
    if issubclass(kind, Enum) and all(isinstance(one.value, str) for one in kind):
        return Converter(parts=(StoredPart(type=text(), value=attrgetter("value")),), load=kind)
    return _single(kind)


def default_sql(attribute: Attribute, converter: Converter[Any]) -> Iterator[tuple[str, str]]:
    """Yield the suffix of each column, and the SQL of the default of the attribute in it. None, what a function makes, and what has no literal, has none."""
    value = attribute.default
    for part in converter.parts if isinstance(attribute.kind, type) and isinstance(value, attribute.kind) else ():
        stored = value if part.value is None else part.value(value)
        if isinstance(stored, bool | int):
            yield part.suffix, str(stored).lower()
        elif isinstance(stored, str):
            yield part.suffix, "'" + stored.replace("'", "''") + "'"
        elif isinstance(stored, date | UUID):
            yield part.suffix, f"'{stored}'"
        elif stored == []:
            yield part.suffix, "'{}'"


def _single(kind: Any) -> Converter[Any] | None:
    """A value object with one field is stored as the value of that field."""
    if not issubclass(kind, ValueObject) or not is_dataclass(kind) or [one.name for one in fields(kind)] != ["value"]:
        return None
    inner, load = attribute_of("value", fields(kind)[0].type).kind, cast("Callable[..., Any]", kind)
    return None if inner not in _PLAIN else Converter(parts=(StoredPart(type=_PLAIN[inner](), value=attrgetter("value")),), load=load)


def _array(attribute: Attribute, declared: Converters) -> Converter[Any] | None:
    elements = [one for one in attribute.elements if one is not Ellipsis]
    inner = converter_of(attribute_of("", elements[0]), declared) if len(elements) == 1 else None
    if inner is None or inner.load is not None:
        return None
    return Converter(parts=(StoredPart(type=ARRAY(inner.parts[0].type), value=list),), load=list if attribute.kind is list else tuple)
