"""The context `users`, and what it does for logging in and for adding members."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from api_base.application import users as application
from api_base.application.common.cqrs import Bus, Handler, Message
from api_base.application.common.jobs import Job
from api_base.application.users import permissions
from api_base.application.users.commands.begin_password_reset import BeginPasswordReset, BeginPasswordResetHandler
from api_base.application.users.commands.change_password import (
    ChangePassword,
    ChangePasswordHandler,
    SetPasswordHash,
    SetPasswordHashHandler,
)
from api_base.application.users.commands.confirm_registration import ConfirmRegistration, ConfirmRegistrationHandler
from api_base.application.users.commands.create_user import CreateUser, CreateUserHandler
from api_base.application.users.commands.keep_registration import KeepRegistration, KeepRegistrationHandler
from api_base.application.users.commands.mail_password_changed import (
    Changed,
    MailPasswordChanged,
    MailPasswordChangedHandler,
    TellPasswordChanged,
)
from api_base.application.users.commands.mail_password_reset import MailPasswordReset, MailPasswordResetHandler
from api_base.application.users.commands.mail_registration import MailRegistration, MailRegistrationHandler
from api_base.application.users.commands.record_login import RecordLogin, RecordLoginHandler
from api_base.application.users.commands.register_user import RegisterUser, RegisterUserHandler, RegistrationMode
from api_base.application.users.commands.request_password_reset import RequestPasswordReset, RequestPasswordResetHandler
from api_base.application.users.commands.reset_password import (
    ResetPassword,
    ResetPasswordHandler,
    UsePasswordReset,
    UsePasswordResetHandler,
)
from api_base.application.users.commands.set_user_status import SetUserStatus, SetUserStatusHandler
from api_base.application.users.commands.update_profile import UpdateProfile, UpdateProfileHandler
from api_base.application.users.queries.get_user import GetProfile, GetUser
from api_base.application.users.queries.list_users import ListUsers
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.mailing import ATTEMPTS, letters, links
from api_base.bootstrap.contexts.roles import PLATFORM_ADMIN
from api_base.core.errors import Invalid
from api_base.core.protocols import Clock, Periodic
from api_base.core.types import UserId
from api_base.domain.auth.repository import Credential
from api_base.domain.common.events import Subscription
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import User, UserStatus
from api_base.domain.users.events import PasswordChanged, UserDeactivated, UserReactivated, UserRegistered
from api_base.domain.users.repository import UserRepository
from api_base.infrastructure import users
from api_base.infrastructure.users.expiry import registration_expiry, reset_expiry
from api_base.infrastructure.users.queries import GetProfileHandler, GetUserHandler, ListUsersHandler, UserReader
from api_base.infrastructure.users.repository import SqlPasswordResetRepository, SqlRegistrationRepository, SqlUserRepository
from api_base.infrastructure.users.tables import PASSWORD_RESETS, REGISTRATIONS
from api_base.infrastructure.users.tables import USERS as USERS_TABLE
from api_base.interface.v1 import users as v1

LETTERS: Final = Path(application.__path__[0]) / "letters"
"""The templates of this context."""


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
    security, mode = ports.settings.security, RegistrationMode(ports.settings.registration)
    return {
        CreateUser: CreateUserHandler(repository, ports.ids, ports.clock),
        RegisterUser: RegisterUserHandler(ports.bus, hasher, policy, mode),
        ChangePassword: ChangePasswordHandler(ports.bus, repository, hasher, policy),
        SetPasswordHash: SetPasswordHashHandler(repository, ports.clock),
        UpdateProfile: UpdateProfileHandler(repository, ports.clock),
        SetUserStatus: SetUserStatusHandler(repository, ports.clock),
        RecordLogin: RecordLoginHandler(repository, ports.clock, security.failed_logins, timedelta(seconds=security.lockout_seconds)),
        GetProfile: GetProfileHandler(reader),
        GetUser: GetUserHandler(reader),
        ListUsers: ListUsersHandler(ports.database),
        **_by_mail(ports),
    }


def _by_mail(ports: Ports) -> Mapping[type[Message[Any]], Handler[Any, Any]]:
    """Proved addresses and forgotten passwords."""
    users, registrations = SqlUserRepository(ports.database), SqlRegistrationRepository(ports.database)
    resets, tokens = SqlPasswordResetRepository(ports.database), ports.container.link_tokens()
    hasher, policy = ports.container.password_hasher(), ports.container.password_policy()
    by, to, clock = letters(ports, LETTERS), links(ports), ports.clock
    return {
        KeepRegistration: KeepRegistrationHandler(registrations, ports.jobs, ports.ids, clock),
        MailRegistration: MailRegistrationHandler(registrations, users, by, to, clock),
        ConfirmRegistration: ConfirmRegistrationHandler(registrations, users, tokens, ports.ids, clock),
        RequestPasswordReset: RequestPasswordResetHandler(ports.jobs, ports.ids),
        MailPasswordReset: MailPasswordResetHandler(ports.bus, users, by, to),
        BeginPasswordReset: BeginPasswordResetHandler(users, resets, clock),
        ResetPassword: ResetPasswordHandler(ports.bus, users, resets, tokens, hasher, policy, clock),
        UsePasswordReset: UsePasswordResetHandler(users, resets, clock),
        MailPasswordChanged: MailPasswordChangedHandler(users, by),
    }


def _subscribers(ports: Ports) -> Sequence[Subscription[Any]]:
    return [Subscription("users.password_changed.v1", Changed, TellPasswordChanged(ports.jobs, ports.ids).handle)]


def _background(ports: Ports) -> Sequence[Periodic]:
    return [
        Periodic(name="clear registrations", interval=600.0, run=registration_expiry(ports.database).run),
        Periodic(name="clear password resets", interval=600.0, run=reset_expiry(ports.database).run),
    ]


_JOBS: Final = (
    Job(name="users.mail_registration", message=MailRegistration, attempts=ATTEMPTS),
    Job(name="users.mail_password_reset", message=MailPasswordReset, attempts=ATTEMPTS),
    Job(name="users.mail_password_changed", message=MailPasswordChanged, attempts=ATTEMPTS),
)


USERS: Final = Context(
    name="users",
    tables=(USERS_TABLE, REGISTRATIONS, PASSWORD_RESETS),
    migrations=Path(users.__path__[0]) / "migrations",
    permissions={permissions.MANAGE: frozenset({PLATFORM_ADMIN})},
    handlers=_handlers,
    events=(UserRegistered, UserDeactivated, UserReactivated, PasswordChanged),
    subscribers=_subscribers,
    jobs=_JOBS,
    background=_background,
    routes=v1.routes,
)
