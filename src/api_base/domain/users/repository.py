"""Where users are kept."""

from typing import Protocol

from api_base.core.protocols import AsyncRepository
from api_base.core.types import UserId
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import User


class UserRepository(AsyncRepository[User, UserId], Protocol):
    async def by_email(self, email: EmailAddress) -> User | None: ...
