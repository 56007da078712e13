"""Update the user's own profile."""

from dataclasses import dataclass

from api_base.application.common.aggregates import load
from api_base.application.common.cqrs import AUTHENTICATED, Command
from api_base.application.users.dtos import UserDTO
from api_base.core.protocols import Clock
from api_base.core.types import Language, request_user
from api_base.domain.users.repository import UserRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateProfile(Command[UserDTO]):
    """Fields that are None stay unchanged."""

    permission = AUTHENTICATED
    expected_version: int | None
    name: str | None = None
    language: Language | None = None


class UpdateProfileHandler:
    def __init__(self, users: UserRepository, clock: Clock) -> None:
        self._users, self._clock = users, clock

    async def handle(self, command: UpdateProfile) -> UserDTO:
        """Update the user. Raises `Invalid`, `StaleVersion`."""
        user = await load(self._users, "user", request_user(), command.expected_version)
        name = user.name if command.name is None else command.name
        language = command.language or user.language
        if (name.strip(), language) != (user.name, user.language):
            user.rename(name, self._clock.now())
            user.change_language(language, self._clock.now())
            await self._users.update(user)
        return UserDTO.of(user)
