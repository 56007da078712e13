"""JSON as PostgreSQL's jsonb stores and returns it, so that a value is answered, compared and versioned in one form."""

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from api_base.core.errors import Invalid
from api_base.domain.common.text import UNSTORABLE

MAX_DEPTH: Final = 31
"""As deep as a member of a request body can be."""
_WRITTEN_WITH_EXPONENT: Final = 1e16
"""From here on JSON writes a float with an exponent; jsonb stores its digits and returns an integer."""


def stored(value: Mapping[str, Any], pointer: str, max_bytes: int) -> dict[str, Any]:
    """Return `value` as jsonb returns it: numbers by digits, members ordered by the length and then the bytes of their names.

    Raises `Invalid` at `pointer` for what jsonb cannot store, for nesting beyond `MAX_DEPTH`, and above `max_bytes` of stored text.
    """
    form = _Form(pointer, max_bytes)
    found: dict[str, Any] = form.of(value, MAX_DEPTH)
    try:
        size = form.expansion + len(json.dumps(found, ensure_ascii=False).encode())
    except ValueError:  # an integer of more digits than Python writes
        size = max_bytes + 1
    if size > max_bytes:
        raise form.too_big()
    return found


class _Form:
    def __init__(self, pointer: str, max_bytes: int) -> None:
        self._pointer, self._max_bytes, self._left = pointer, max_bytes, max_bytes
        self.expansion = 0
        """Bytes by which the stored text of small numbers is longer than ours: 1e-300 is stored with 300 decimal places."""

    def too_big(self) -> Invalid:
        return Invalid.of(self._pointer, "too_big", f"is larger than {self._max_bytes} bytes of JSON with all digits of its numbers")

    def _count(self, characters: int) -> None:
        """End at a size that is too big for certain: a caller may send a hundred times as much."""
        self._left -= characters
        if self._left < 0:
            raise self.too_big()

    def of(self, value: Any, depth: int) -> Any:
        self._count(1)
        match value:
            case str():
                return self._text(value)
            case float():
                return self._number(value)
            case int():
                self._count(value.bit_length() // 4)  # fewer than it has digits
            case Mapping() | list() | tuple() if depth == 0:
                raise Invalid.of(self._pointer, "depth", f"is nested more than {MAX_DEPTH} levels deep")
            case Mapping():
                names = sorted((len(encoded := self._text(name).encode()), encoded, name) for name in value)
                return {name: self.of(value[name], depth - 1) for *_, name in names}
            case list() | tuple():
                return [self.of(one, depth - 1) for one in value]
        return value

    def _text(self, text: str) -> str:
        self._count(len(text))
        if (found := UNSTORABLE.search(text)) is not None:
            nul = found[0] == "\0"
            raise Invalid.of(
                self._pointer, "nul" if nul else "surrogate", f"must not contain {'the character NUL' if nul else 'a lone surrogate'}"
            )
        return text

    def _number(self, value: float) -> float | int:
        if not math.isfinite(value):
            raise Invalid.of(self._pointer, "number", "must not contain NaN, Infinity or a number beyond 64-bit floating point")
        if abs(value) >= _WRITTEN_WITH_EXPONENT:
            self._count(int(math.log10(abs(value))))
            return int(Decimal(repr(value)))
        if "e" in (text := repr(value)):
            expansion = len(f"{Decimal(text):f}") - len(text)
            self._count(expansion)
            self.expansion += expansion
        return value or 0.0  # jsonb has no negative zero
