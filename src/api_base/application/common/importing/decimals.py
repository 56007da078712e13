"""Numbers as people and spreadsheets write them: `1.234,50`, `1e1`, `10.0`."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from api_base.core.errors import Invalid

MAX_LENGTH: Final = 64
"""Characters. Longer text is left as it is, and refused by the rules of its target."""
_PLAIN: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")
_WITH_COMMA: Final = re.compile(r"([+-]?)([0-9]{1,3}(?:[.\s'’][0-9]{3})+|[0-9]+)(?:,([0-9]+))?")
_SURELY_COMMA: Final = re.compile(r"[+-]?(?:[0-9]{1,3}(?:[.\s'’][0-9]{3})+|[0-9]+),(?:[0-9]{1,2}|[0-9]{4,})")
_SURELY_POINT: Final = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)\.(?:[0-9]{1,2}|[0-9]{4,})")


def decimal_sign(values: Iterable[object]) -> str:
    """The decimal sign of a file with these values: the comma only if some values have one for certain, and no value has a point.

    >>> decimal_sign(["9,90", "1.234,50"]), decimal_sign(["9,90", "9.90"]), decimal_sign(["1,234"])
    (',', '.', '.')
    """
    texts = [value.strip() for value in values if isinstance(value, str) and len(value) <= MAX_LENGTH]
    comma = any(map(_SURELY_COMMA.fullmatch, texts)) and not any(map(_SURELY_POINT.fullmatch, texts))
    return "," if comma else "."


def plain_decimal(value: object, target: str, *, comma: bool) -> object:
    """`value` as decimal text without exponent and trailing zeros. A value that is no number is returned as it is.

    Raises `Invalid` for text with a decimal point where a `comma` is expected.

    >>> plain_decimal("1.234,50", "price", comma=True), plain_decimal("1e1", "price", comma=False), plain_decimal(10.0, "price", comma=False)
    ('1234.5', '10', '10')
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    text = value.strip() if isinstance(value, str) else repr(value)
    if len(text) > MAX_LENGTH:
        return value
    if comma and isinstance(value, str):
        match = _WITH_COMMA.fullmatch(text)
        if match is None and _PLAIN.fullmatch(text):
            raise Invalid.of(f"/{target}", "decimal", "must be a number with a decimal comma, such as 1234,50")
        text = f"{match[1]}{re.sub(r'[^0-9]', '', match[2])}.{match[3] or '0'}" if match else text
    if not _PLAIN.fullmatch(text):
        return value
    plain = f"{Decimal(text):f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
