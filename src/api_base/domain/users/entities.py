"""The user: a global identity. Memberships decide what a user may do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.types import Language
from api_base.domain.common.text import TextRule
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.errors import AlreadyInStatus, LastAdministrator
from api_base.domain.users.events import PasswordChanged, UserDeactivated, UserReactivated, UserRegistered

NAME: Final = TextRule(max_length=100)


class UserStatus(StrEnum):
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


@dataclass(slots=True, kw_only=True, eq=False)
class User(AggregateRoot):
    email: EmailAddress
    name: str
    status: UserStatus = UserStatus.ACTIVE
    platform_admin: bool = False
    language: Language = Language.EN
    password_changed_at: datetime | None = None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def register(
        cls,
        *,
        id: UUID,
        email: EmailAddress,
        name: str,
        now: datetime,
        platform_admin: bool = False,
        language: Language = Language.EN,
    ) -> Self:
        """Create a user. Raises `Invalid` for an invalid name."""
        user = cls(
            id=id,
            email=email,
            name=NAME.parse(name, "/name"),
            platform_admin=platform_admin,
            language=language,
            created_at=now,
            updated_at=now,
        )
        user.record(UserRegistered(aggregate_id=id, email=email.value, display_name=user.name))
        return user

    def rename(self, name: str, now: datetime) -> None:
        self.name, self.updated_at = NAME.parse(name, "/name"), now

    def change_language(self, language: Language, now: datetime) -> None:
        """Write e-mails to the user in `language` from now on."""
        self.language, self.updated_at = language, now

    def change_password(self, now: datetime) -> None:
        """Note that the password has changed. Its hash is stored apart from the user."""
        self.password_changed_at, self.updated_at = now, now
        self.record(PasswordChanged(aggregate_id=self.id))

    def deactivate(self, now: datetime, administrators: int) -> None:
        """Deactivate the user, who is not the last of the active `administrators` of the platform. Raises `LastAdministrator`."""
        if self.platform_admin and self.status is UserStatus.ACTIVE and administrators <= 1:
            raise LastAdministrator
        self._become(UserStatus.DEACTIVATED, now)
        self.record(UserDeactivated(aggregate_id=self.id))

    def reactivate(self, now: datetime) -> None:
        self._become(UserStatus.ACTIVE, now)
        self.record(UserReactivated(aggregate_id=self.id))

    def _become(self, status: UserStatus, now: datetime) -> None:
        if self.status is status:
            raise AlreadyInStatus(status)
        self.status, self.updated_at = status, now
