"""Identifiers that every floor speaks of. All are UUIDv7 [RFC 9562], made by an `IdGenerator`."""

from typing import Final, NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
TenantId = NewType("TenantId", UUID)
SessionId = NewType("SessionId", UUID)

NO_USER: Final = UserId(UUID(int=0))
"""Who acts where no user asked for it: the nil UUID [RFC 9562, section 5.9]."""

NO_TENANT: Final = UUID(int=0)
"""Owns the rows of those who act for no tenant, since a key has no nulls: the nil UUID, too."""
