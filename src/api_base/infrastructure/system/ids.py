"""UUIDv7 [RFC 9562, section 5.7]: ordered by the millisecond, and within it in the order they were made by this process."""

from uuid import UUID

from uuid_utils.compat import uuid7


class Uuid7Generator:
    """Implements `IdGenerator`."""

    def new(self) -> UUID:
        """A standard library `UUID`, greater than those that this process made before."""
        return uuid7()
