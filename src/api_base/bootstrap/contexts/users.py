"""The context `users`, and what it does for logging in and for adding members."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from api_base.application.common.cqrs import Bus, Handler, Message
from api_base.application.users import permissions
from api_base.application.users.commands.change_password import (
    ChangePassword,
    ChangePasswordHandler,
    SetPasswordHash,
    SetPasswordHashHandler,
)
from api_base.application.users.commands.create_user import CreateUser, CreateUserHandler
from api_base.application.users.commands.record_login import RecordLogin, RecordLoginHandler
from api_base.application.users.commands.register_user import RegisterUser, RegisterUserHandler
from api_base.application.users.commands.set_user_status import SetUserStatus, SetUserStatusHandler
from api_base.application.users.commands.update_profile import UpdateProfile, UpdateProfileHandler
from api_base.application.users.queries.get_user import GetProfile, GetUser
from api_base.application.users.queries.list_users import ListUsers
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.roles import PLATFORM_ADMIN
from api_base.core.errors import Invalid
from api_base.core.protocols import Clock
from api_base.core.types import UserId
from api_base.domain.auth.repository import Credential
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import User, UserStatus
from api_base.domain.users.events import PasswordChanged, UserDeactivated, UserReactivated, UserRegistered
from api_base.domain.users.repository import UserRepository
from api_base.infrastructure import users
from api_base.infrastructure.users.queries import GetProfileHandler, GetUserHandler, ListUsersHandler, UserReader
from api_base.infrastructure.users.repository import SqlUserRepository
from api_base.infrastructure.users.tables import USERS as USERS_TABLE
from api_base.interface.v1 import users as v1


class UserCredentials:
    """Implements the ports `Credentials` of auth and `Identities` of tenants."""

    def __init__(self, users: UserRepository, bus: Bus, clock: Clock) -> None:
        self._users, self._bus, self._clock = users, bus, clock

    async def find(self, email: str) -> Credential | None:
        """What logging in with this address needs to know; None for one that nobody has, or that is no address."""
        user = await self._by_email(email)
        if user is None:
            return None
        return Credential(
            user_id=UserId(user.id),
            password_hash=user.password_hash,
            open=user.status is UserStatus.ACTIVE and not user.is_locked(self._clock.now()),
            settled=user.failed_logins == 0,
        )

    async def failed(self, user_id: UserId) -> None:
        """Count a failed login, in a transaction of its own."""
        await self._bus.execute(RecordLogin(user_id=user_id, succeeded=False))

    async def succeeded(self, user_id: UserId, new_hash: str | None) -> None:
        """End the count of failed logins, and keep `new_hash` where the hash's parameters have grown."""
        await self._bus.execute(RecordLogin(user_id=user_id, succeeded=True, new_hash=new_hash))

    async def id_of(self, email: str) -> UserId | None:
        """The active user with this address, or None."""
        user = await self._by_email(email)
        return None if user is None or user.status is not UserStatus.ACTIVE else UserId(user.id)

    async def _by_email(self, email: str) -> User | None:
        try:
            return await self._users.by_email(EmailAddress.parse(email))
        except Invalid:
            return None


def credentials(ports: Ports) -> UserCredentials:
    """`UserCredentials` for the contexts that ask about users."""
    return UserCredentials(SqlUserRepository(ports.database), ports.bus, ports.clock)


def _handlers(ports: Ports) -> Mapping[type[Message[Any]], Handler[Any, Any]]:
    repository, reader = SqlUserRepository(ports.database), UserReader(ports.database)
    hasher, policy = ports.container.password_hasher(), ports.container.password_policy()
    security, production = ports.settings.security, ports.settings.environment == "production"
    return {
        CreateUser: CreateUserHandler(repository, ports.ids, ports.clock),
        RegisterUser: RegisterUserHandler(ports.bus, hasher, policy, conceal=production),
        ChangePassword: ChangePasswordHandler(ports.bus, repository, hasher, policy),
        SetPasswordHash: SetPasswordHashHandler(repository, ports.clock),
        UpdateProfile: UpdateProfileHandler(repository, ports.clock),
        SetUserStatus: SetUserStatusHandler(repository, ports.clock),
        RecordLogin: RecordLoginHandler(repository, ports.clock, security.failed_logins, timedelta(seconds=security.lockout_seconds)),
        GetProfile: GetProfileHandler(reader),
        GetUser: GetUserHandler(reader),
        ListUsers: ListUsersHandler(ports.database),
    }


USERS: Final = Context(
    name="users",
    tables=(USERS_TABLE,),
    migrations=Path(users.__path__[0]) / "migrations",
    permissions={permissions.MANAGE: frozenset({PLATFORM_ADMIN})},
    handlers=_handlers,
    events=(UserRegistered, UserDeactivated, UserReactivated, PasswordChanged),
    routes=v1.routes,
)
