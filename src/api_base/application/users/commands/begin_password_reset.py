"""Begin a password reset, once for each request. Internal: sent by the job that e-mails the link."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.core.protocols import Clock, Isolation
from api_base.core.types import UserId
from api_base.domain.users.password_reset import PasswordReset
from api_base.domain.users.repository import PasswordResetRepository, UserRepository

RESEND_INTERVAL: Final = timedelta(minutes=1)
"""Minimum time between two such e-mails to one user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginPasswordReset(Command[bool]):
    """Returns whether the link must be e-mailed."""

    permission: ClassVar[str] = PUBLIC
    isolation: ClassVar[Isolation] = Isolation.SERIALIZABLE
    id: UUID
    user_id: UserId


class BeginPasswordResetHandler:
    def __init__(self, users: UserRepository, resets: PasswordResetRepository, clock: Clock) -> None:
        self._users, self._resets, self._clock = users, resets, clock

    async def handle(self, command: BeginPasswordReset) -> bool:
        user, now = await self._users.get(command.user_id), self._clock.now()
        if user is None:
            return False
        begun = await self._resets.of(command.user_id, command.id)
        if begun is not None:  # the job is retried
            return begun.is_open(user, now)
        newest = await self._resets.newest(command.user_id)
        if newest is not None and now - newest.created_at < RESEND_INTERVAL:
            return False
        await self._resets.create(PasswordReset.begin(id=command.id, user_id=command.user_id, now=now))
        return True
