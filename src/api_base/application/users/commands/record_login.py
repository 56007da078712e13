"""Count failed logins and reset the count on success. Internal: the login sends it.

Serializable, so that all concurrent attempts are counted.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.core.protocols import Clock, Isolation
from api_base.core.types import UserId
from api_base.domain.users.repository import UserRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLogin(Command[None]):
    permission = PUBLIC
    isolation = Isolation.SERIALIZABLE
    user_id: UserId
    succeeded: bool
    new_hash: str | None = field(default=None, repr=False)


class RecordLoginHandler:
    """Locks the account for `lockout` after `limit` consecutive failures."""

    def __init__(self, users: UserRepository, clock: Clock, limit: int, lockout: timedelta) -> None:
        self._users, self._clock, self._limit, self._lockout = users, clock, limit, lockout

    async def handle(self, command: RecordLogin) -> None:
        user = await self._users.get(command.user_id)
        if user is None:
            return
        if command.succeeded:
            user.login_succeeded(command.new_hash)
        elif not user.login_failed(self._clock.now(), self._limit, self._lockout):
            return
        await self._users.update(user)
