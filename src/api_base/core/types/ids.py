"""Identifiers that all layers use. All are UUIDv7 [RFC 9562] from an `IdGenerator`."""

from typing import Final, NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
TenantId = NewType("TenantId", UUID)
SessionId = NewType("SessionId", UUID)

NO_USER: Final = UserId(UUID(int=0))
"""The actor of work that no user requested: the nil UUID [RFC 9562, section 5.9]."""

NO_TENANT: Final = UUID(int=0)
"""The owner of rows without a tenant, because a key has no nulls: the nil UUID, too."""
