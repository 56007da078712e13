"""Create a user with an already checked and hashed password, or replace the password of one who never logged in.

Internal: sent by other handlers and the command line.
"""

from dataclasses import dataclass, field

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.application.users.dtos import UserDTO
from api_base.core.errors import NotFound
from api_base.core.protocols import Clock, IdGenerator
from api_base.core.types import Language, UserId
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import User
from api_base.domain.users.repository import UserRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateUser(Command[UserDTO]):
    permission = PUBLIC
    email: EmailAddress
    name: str
    password_hash: str = field(repr=False)
    platform_admin: bool = False
    language: Language = Language.EN


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceUnusedPassword(Command[None]):
    """The user has never logged in with the password, so no session ends and no e-mail is sent."""

    permission = PUBLIC
    user_id: UserId
    password_hash: str = field(repr=False)


class CreateUserHandler:
    def __init__(self, users: UserRepository, ids: IdGenerator, clock: Clock) -> None:
        self._users, self._ids, self._clock = users, ids, clock

    async def handle(self, command: CreateUser) -> UserDTO:
        """Create the user. The commit raises `EmailTaken`."""
        user = User.register(
            id=self._ids.new(),
            email=command.email,
            name=command.name,
            now=self._clock.now(),
            platform_admin=command.platform_admin,
            language=command.language,
        )
        await self._users.create(user)
        await self._users.set_password_hash(UserId(user.id), command.password_hash)
        return UserDTO.of(user)


class ReplaceUnusedPasswordHandler:
    def __init__(self, users: UserRepository) -> None:
        self._users = users

    async def handle(self, command: ReplaceUnusedPassword) -> None:
        """Replace the hash. Raises `NotFound`."""
        user = await self._users.get(command.user_id)
        if user is None:
            raise NotFound("user", command.user_id)
        await self._users.update(user)
        await self._users.set_password_hash(command.user_id, command.password_hash)
