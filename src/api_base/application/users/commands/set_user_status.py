"""Deactivate or reactivate a user in all tenants. For platform administrators.

Serializable: the last two administrators who deactivate each other cannot both succeed, and an invitation of the user that somebody
accepts concurrently is accepted before or refused.
"""

from dataclasses import dataclass

from api_base.application.common.aggregates import load
from api_base.application.common.cqrs import Command
from api_base.application.users import permissions
from api_base.application.users.dtos import UserDTO
from api_base.core.protocols import Clock, Isolation
from api_base.core.types import UserId
from api_base.domain.users.entities import UserStatus
from api_base.domain.users.repository import UserRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUserStatus(Command[UserDTO]):
    permission = permissions.MANAGE
    isolation = Isolation.SERIALIZABLE
    id: UserId
    expected_version: int | None
    status: UserStatus


class SetUserStatusHandler:
    def __init__(self, users: UserRepository, clock: Clock) -> None:
        self._users, self._clock = users, clock

    async def handle(self, command: SetUserStatus) -> UserDTO:
        """Set the status. Raises `NotFound`, `StaleVersion`, `AlreadyInStatus`, `LastAdministrator`."""
        user = await load(self._users, "user", command.id, command.expected_version)
        if command.status is UserStatus.ACTIVE:
            user.reactivate(self._clock.now())
        else:
            user.deactivate(self._clock.now(), await self._users.administrators())
        return UserDTO.of(await self._users.update(user))
