"""Identifiers that every floor speaks of. All are UUIDv7 [RFC 9562], made by an `IdGenerator`."""

from typing import NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
TenantId = NewType("TenantId", UUID)
SessionId = NewType("SessionId", UUID)
