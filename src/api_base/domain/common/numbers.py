"""The rule for a whole number that enters."""

from dataclasses import dataclass

from api_base.core.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRule:
    """What one field accepts: a whole number from `least` to `most`. The defaults are those of 64 bits."""

    least: int = -(2**63)
    most: int = 2**63 - 1

    def parse(self, value: int, pointer: str) -> int:
        """Return `value`. Raises `Invalid` at `pointer`."""
        if not self.least <= value <= self.most:
            raise Invalid.of(pointer, "range", f"must be from {self.least} to {self.most}")
        return value
