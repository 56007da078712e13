"""Repositories of users, registrations and password resets."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from api_base.core.protocols import AsyncRepository
from api_base.core.types import UserId
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import User
from api_base.domain.users.password_reset import PasswordReset
from api_base.domain.users.registration import Registration


class UserRepository(AsyncRepository[User, UserId], Protocol):
    async def by_email(self, email: EmailAddress) -> User | None: ...

    async def by_emails(self, emails: Sequence[EmailAddress]) -> Sequence[User]: ...

    async def administrators(self) -> int:
        """The number of active administrators of the platform."""
        ...

    async def password_hash(self, user_id: UserId) -> str:
        """The hash of the user's password. It is empty, so that no password matches it, for an unknown user and for one without a password."""
        ...

    async def set_password_hash(self, user_id: UserId, password_hash: str) -> None:
        """Store the hash with the changes of this unit of work. A change of the user in the same unit guards it by the user's version."""
        ...


class RegistrationRepository(AsyncRepository[Registration, UUID], Protocol):
    """Pending registrations."""

    async def unconfirmed(self, email: EmailAddress) -> Registration | None:
        """The registration of an address that was not confirmed. It may have expired."""
        ...

    async def remove(self, registration: Registration) -> None: ...


class PasswordResetRepository(AsyncRepository[PasswordReset, UUID], Protocol):
    """Password resets of a named user, who is not authenticated."""

    async def of(self, user_id: UserId, id: UUID) -> PasswordReset | None: ...

    async def unused(self, user_id: UserId) -> PasswordReset | None:
        """The user's reset that was not used. It may have expired."""
        ...

    async def remove(self, reset: PasswordReset) -> None: ...
