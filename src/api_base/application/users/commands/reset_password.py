"""Set a forgotten password by the e-mailed link: once, within 30 minutes. All sessions end (auth subscribes to the event).

The password is checked and hashed before the transaction. It is serializable: if the link is used twice concurrently, one request succeeds.
"""

from dataclasses import dataclass, field
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Bus, Command
from api_base.application.users.commands.request_password_reset import RESET
from api_base.core.protocols import Clock, Isolation, LinkTokens, PasswordHasher, PasswordPolicy
from api_base.core.types import UserId
from api_base.domain.users.errors import LinkRefused
from api_base.domain.users.repository import PasswordResetRepository, UserRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPassword(Command[None]):
    permission = PUBLIC
    isolation = Isolation.NONE
    token: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsePasswordReset(Command[None]):
    """Internal: `ResetPasswordHandler` sends it."""

    permission = PUBLIC
    isolation = Isolation.SERIALIZABLE
    user_id: UserId
    reset_id: UUID
    password_hash: str = field(repr=False)


class ResetPasswordHandler:
    def __init__(
        self,
        bus: Bus,
        users: UserRepository,
        resets: PasswordResetRepository,
        tokens: LinkTokens,
        hasher: PasswordHasher,
        policy: PasswordPolicy,
        clock: Clock,
    ) -> None:
        self._bus, self._users, self._resets, self._tokens = bus, users, resets, tokens
        self._hasher, self._policy, self._clock = hasher, policy, clock

    async def handle(self, command: ResetPassword) -> None:
        """Check the link and the password, and set it. Raises `LinkRefused`, `Invalid`."""
        named = self._tokens.open(RESET, command.token)
        if named is None:
            raise LinkRefused
        user_id, reset_id = UserId(named[0]), named[1]
        user, reset = await self._users.get(user_id), await self._resets.of(user_id, reset_id)
        if user is None or reset is None or not reset.is_open(user, self._clock.now()):
            raise LinkRefused
        await self._policy.check(command.password, known=(user.email.value, user.name))
        hashed = await self._hasher.hash(command.password)
        await self._bus.execute(UsePasswordReset(user_id=user_id, reset_id=reset_id, password_hash=hashed))


class UsePasswordResetHandler:
    def __init__(self, users: UserRepository, resets: PasswordResetRepository, clock: Clock) -> None:
        self._users, self._resets, self._clock = users, resets, clock

    async def handle(self, command: UsePasswordReset) -> None:
        """Use the reset. Raises `LinkRefused` if the link was used in the meantime."""
        user, reset = await self._users.get(command.user_id), await self._resets.of(command.user_id, command.reset_id)
        if user is None or reset is None:
            raise LinkRefused
        reset.use(user, self._clock.now())
        await self._resets.update(reset)
        await self._users.update(user)
        await self._users.set_password_hash(command.user_id, command.password_hash)
