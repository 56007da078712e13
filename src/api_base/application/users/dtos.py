"""DTOs of users."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from api_base.core.types import Language
from api_base.domain.users.entities import User, UserStatus


class PlatformRole(StrEnum):
    """What a user is outside of tenants."""

    ADMINISTRATOR = "administrator"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDTO:
    id: UUID
    email: str
    name: str
    status: UserStatus
    platform_role: PlatformRole
    language: Language
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, user: User) -> "UserDTO":
        return cls(
            id=user.id,
            email=user.email.value,
            name=user.name,
            status=user.status,
            platform_role=PlatformRole.ADMINISTRATOR if user.platform_admin else PlatformRole.USER,
            language=user.language,
            version=user.version,
            created_at=user.created_at,
            updated_at=user.updated_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationDTO:
    """Equal for new and known addresses, unless registration is open."""

    email: str
    name: str
