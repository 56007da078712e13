"""Change the user's own password. Requires the current one; all other sessions end (auth subscribes to the event)."""

from dataclasses import dataclass, field

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC, Bus, Command
from api_base.core.errors import NotFound
from api_base.core.protocols import Clock, Isolation, PasswordHasher, PasswordPolicy
from api_base.core.types import SessionId, UserId, current_context, request_user
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
        """Verify the current password and set the new one. Raises `WrongPassword`, `TooManyRequests`, `Invalid`."""
        user = await self._users.get(request_user())
        if user is None:
            raise NotFound("user", request_user())
        verified = await self._users.password_hash(request_user())
        good, _ = await self._hasher.verify(command.current, verified, account=user.email.value, device=_session())
        if not good:
            raise WrongPassword
        await self._policy.check(command.new, known=(user.email.value, user.name), pointer="/new_password")
        hashed = await self._hasher.hash(command.new)
        await self._bus.execute(SetPasswordHash(password_hash=hashed, verified_hash=verified))


def _session() -> SessionId | None:
    principal = current_context.get().principal
    return None if principal is None else principal.session_id


class SetPasswordHashHandler:
    def __init__(self, users: UserRepository, clock: Clock) -> None:
        self._users, self._clock = users, clock

    async def handle(self, command: SetPasswordHash) -> None:
        """Set the hash. Raises `WrongPassword` if the password has changed since it was verified."""
        user = await self._users.get(request_user())
        if user is None or await self._users.password_hash(request_user()) != command.verified_hash:
            raise WrongPassword
        user.change_password(self._clock.now())
        await self._users.update(user)
        await self._users.set_password_hash(request_user(), command.password_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewPasswordHash(Command[None]):
    """Internal: the login sends it when the hashing parameters have changed. `new_hash` is of the same password as `verified_hash`."""

    permission = PUBLIC
    isolation = Isolation.SERIALIZABLE
    user_id: UserId
    new_hash: str = field(repr=False)
    verified_hash: str = field(repr=False)


class RenewPasswordHashHandler:
    def __init__(self, users: UserRepository) -> None:
        self._users = users

    async def handle(self, command: RenewPasswordHash) -> None:
        """Store the hash, unless the password has changed since it was verified."""
        user = await self._users.get(command.user_id)
        if user is not None and await self._users.password_hash(command.user_id) == command.verified_hash:
            await self._users.update(user)
            await self._users.set_password_hash(command.user_id, command.new_hash)
