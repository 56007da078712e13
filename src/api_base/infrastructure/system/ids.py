"""UUIDv7 [RFC 9562, section 5.7]: ordered by millisecond, and within it by the order in which this process created them."""

from uuid import UUID

from uuid_utils.compat import uuid7


class Uuid7Generator:
    """Implements `IdGenerator`."""

    def new(self) -> UUID:
        """A standard library `UUID`, greater than all earlier ones of this process."""
        return uuid7()
