"""DTOs of users."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from api_base.core.types import Language
from api_base.domain.users.entities import User, UserStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDTO:
    id: UUID
    email: str
    name: str
    status: UserStatus
    platform_admin: bool
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
            platform_admin=user.platform_admin,
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
