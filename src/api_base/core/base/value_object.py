"""Value objects are equal by value and valid by construction [Evans, Domain-Driven Design, ch. 5]."""


class ValueObject:
    """Marks a frozen, slotted dataclass whose `__post_init__` raises `core.errors.Invalid` for invalid values."""

    __slots__ = ()
