"""Change the user's own password. Requires the current one; all other sessions end (auth subscribes to the event)."""

from dataclasses import dataclass, field

from api_base.application.common.cqrs import AUTHENTICATED, Bus, Command
from api_base.core.errors import NotFound
from api_base.core.protocols import Clock, Isolation, PasswordHasher, PasswordPolicy
from api_base.core.types import request_user
from api_base.domain.users.errors import WrongPassword
from api_base.domain.users.repository import UserRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePassword(Command[None]):
    permission = AUTHENTICATED
    isolation = Isolation.NONE
    current: str = field(repr=False)
    new: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPasswordHash(Command[None]):
    """Internal: `ChangePasswordHandler` sends it. `verified_hash` is the hash that the current password matched."""

    permission = AUTHENTICATED
    password_hash: str = field(repr=False)
    verified_hash: str = field(repr=False)


class ChangePasswordHandler:
    def __init__(self, bus: Bus, users: UserRepository, hasher: PasswordHasher, policy: PasswordPolicy) -> None:
        self._bus, self._users, self._hasher, self._policy = bus, users, hasher, policy

    async def handle(self, command: ChangePassword) -> None:
        """Verify the current password and set the new one. Raises `WrongPassword`, `Invalid`."""
        user = await self._users.get(request_user())
        if user is None:
            raise NotFound("user", request_user())
        good, _ = await self._hasher.verify(command.current, user.password_hash)
        if not good:
            raise WrongPassword
        await self._policy.check(command.new, known=(user.email.value, user.name), pointer="/new_password")
        hashed = await self._hasher.hash(command.new)
        await self._bus.execute(SetPasswordHash(password_hash=hashed, verified_hash=user.password_hash))


class SetPasswordHashHandler:
    def __init__(self, users: UserRepository, clock: Clock) -> None:
        self._users, self._clock = users, clock

    async def handle(self, command: SetPasswordHash) -> None:
        """Set the hash. Raises `WrongPassword` if the password has changed since it was verified."""
        user = await self._users.get(request_user())
        if user is None or user.password_hash != command.verified_hash:
            raise WrongPassword
        user.change_password(command.password_hash, self._clock.now())
        await self._users.update(user)
