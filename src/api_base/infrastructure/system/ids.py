"""UUIDv7 [RFC 9562, section 5.7]."""

from uuid import UUID

from uuid_utils.compat import uuid7


class Uuid7Generator:
    """Implements `IdGenerator`. Ids made in one process within a millisecond are ordered as well."""

    def new(self) -> UUID:
        return uuid7()
