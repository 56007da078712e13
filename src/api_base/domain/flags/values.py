"""The values of variants and conditions: what JSON, jsonb and JavaScript all read as the same value."""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from api_base.core.errors import Invalid
from api_base.domain.common.stored_json import stored
from api_base.domain.common.text import UNSTORABLE
from api_base.domain.flags.definition import FlagType, FlagValue, Operand, Operator

MAX_BYTES: Final = 65_536
"""Of a definition as JSON."""
MAX_OPERAND: Final = 256
"""Characters."""
MAX_INTEGER: Final = 2**53 - 1
"""Beyond it, the numbers of JavaScript lose integers [RFC 8259, section 6]."""
ORDERS: Final = frozenset({Operator.GREATER, Operator.GREATER_OR_EQUAL, Operator.LESS, Operator.LESS_OR_EQUAL})
_OF_TEXT: Final = frozenset({Operator.STARTS_WITH, Operator.ENDS_WITH, Operator.CONTAINS})
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def read_value(value: object, kind: FlagType, pointer: str) -> FlagValue:
    """Return the value of a variant as jsonb returns it. Raises `Invalid` at `pointer`."""
    match kind, value:
        case FlagType.BOOLEAN, bool():
            return value
        case FlagType.STRING, str():
            return str(stored({"value": value}, pointer, MAX_BYTES)["value"])
        case FlagType.INTEGER, int() if not isinstance(value, bool):
            return _within(value, pointer)
        case FlagType.FLOAT, int() | float() if not isinstance(value, bool):
            return float(_finite(value, pointer)) or 0.0
        case FlagType.OBJECT, Mapping():
            found = stored(value, pointer, MAX_BYTES)
            _check_numbers(found, pointer)
            return found
    article = "an" if kind in {FlagType.INTEGER, FlagType.OBJECT} else "a"
    raise Invalid.of(pointer, "type", f"must be {article} {kind}, because the flag has this type")


def read_operand(value: object, operator: Operator | None, pointer: str) -> Operand:
    """Return a value of a condition. Raises `Invalid` at `pointer`."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if operator in ORDERS and not number:
        raise Invalid.of(pointer, "type", f"must be a number for the operator {operator}")
    if operator in _OF_TEXT and not isinstance(value, str):
        raise Invalid.of(pointer, "type", f"must be a string for the operator {operator}")
    match value:
        case bool():
            return value
        case int() | float():
            return _within(value, pointer)
        case str() if len(value) <= MAX_OPERAND and not UNSTORABLE.search(value):
            return value
        case str():
            raise Invalid.of(pointer, "text", f"must have at most {MAX_OPERAND} characters, without NUL and lone surrogates")
    raise Invalid.of(pointer, "type", "must be a string, a number, true or false")


def read_tenant(value: object, pointer: str) -> str:
    """Return the id of a tenant. Raises `Invalid` at `pointer`."""
    if isinstance(value, str) and _UUID.fullmatch(value):
        return value.lower()
    raise Invalid.of(pointer, "uuid", "must be the id of a tenant, a UUID")


def lower_id(value: Operand) -> Operand:
    """Return a UUID in lower case, as principals have it, and any other value unchanged."""
    return value.lower() if isinstance(value, str) and _UUID.fullmatch(value) else value


def _check_numbers(value: Any, pointer: str) -> None:
    match value:
        case bool():
            pass
        case int() | float():
            _within(value, pointer)
        case Mapping():
            for one in value.values():
                _check_numbers(one, pointer)
        case list():
            for one in value:
                _check_numbers(one, pointer)


def _finite[N: (int, float)](value: N, pointer: str) -> N:
    try:
        if math.isfinite(value):
            return value
    except OverflowError:
        pass
    raise Invalid.of(pointer, "number", "must not be NaN, Infinity or a number beyond 64-bit floating point")


def _within[N: (int, float)](value: N, pointer: str) -> N:
    """Return `value`, and -0.0 as 0.0, as jsonb does. Raises `Invalid` at `pointer` beyond `MAX_INTEGER`."""
    if abs(_finite(value, pointer)) > MAX_INTEGER:
        raise Invalid.of(
            pointer, "range", f"must be between -{MAX_INTEGER} and {MAX_INTEGER}, because JavaScript reads no other integers exactly"
        )
    return value or abs(value)
