"""The context `users`."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from api_base.application import users as application
from api_base.application.common.cqrs import Registration, on
from api_base.application.common.jobs import Job
from api_base.application.users import permissions
from api_base.application.users.commands.change_password import (
    ChangePassword,
    ChangePasswordHandler,
    SetPasswordHash,
    SetPasswordHashHandler,
)
from api_base.application.users.commands.confirm_registration import ConfirmRegistration, ConfirmRegistrationHandler
from api_base.application.users.commands.create_user import CreateUser, CreateUserHandler
from api_base.application.users.commands.mail_password_changed import (
    Changed,
    MailPasswordChanged,
    MailPasswordChangedHandler,
    NotifyPasswordChanged,
)
from api_base.application.users.commands.mail_registration import MailRegistration, MailRegistrationHandler
from api_base.application.users.commands.record_login import RecordLogin, RecordLoginHandler
from api_base.application.users.commands.register_user import (
    RegisterUser,
    RegisterUserHandler,
    RegistrationMode,
    StorePendingRegistration,
    StorePendingRegistrationHandler,
)
from api_base.application.users.commands.request_password_reset import (
    BeginPasswordReset,
    BeginPasswordResetHandler,
    MailPasswordReset,
    MailPasswordResetHandler,
    RequestPasswordReset,
    RequestPasswordResetHandler,
)
from api_base.application.users.commands.reset_password import (
    ResetPassword,
    ResetPasswordHandler,
    UsePasswordReset,
    UsePasswordResetHandler,
)
from api_base.application.users.commands.set_user_status import SetUserStatus, SetUserStatusHandler
from api_base.application.users.commands.update_profile import UpdateProfile, UpdateProfileHandler
from api_base.application.users.queries import GetProfile, GetUser, ListUsers
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.mailing import ATTEMPTS, email_templates, links
from api_base.bootstrap.contexts.roles import PLATFORM_ADMIN
from api_base.domain.common.events import Subscription
from api_base.domain.users.events import PasswordChanged, UserDeactivated, UserReactivated, UserRegistered
from api_base.infrastructure import users
from api_base.infrastructure.db.pruner import Prune
from api_base.infrastructure.users.queries import GetProfileHandler, GetUserHandler, ListUsersHandler, UserReader
from api_base.infrastructure.users.repository import SqlPasswordResetRepository, SqlRegistrationRepository, SqlUserRepository
from api_base.infrastructure.users.tables import PASSWORD_RESETS, REGISTRATIONS
from api_base.infrastructure.users.tables import USERS as USERS_TABLE
from api_base.interface.v1 import users as v1

EMAILS: Final = Path(application.__path__[0]) / "emails"
"""Folder of the e-mail templates of this context."""


def _handlers(ports: Ports) -> Sequence[Registration]:
    repository, reader = SqlUserRepository(ports.database), UserReader(ports.database)
    hasher, policy = ports.password_hasher, ports.password_policy
    security, mode = ports.settings.security, RegistrationMode(ports.settings.registration)
    return [
        on(CreateUser, CreateUserHandler(repository, ports.ids, ports.clock)),
        on(RegisterUser, RegisterUserHandler(ports.bus, hasher, policy, mode)),
        on(ChangePassword, ChangePasswordHandler(ports.bus, repository, hasher, policy)),
        on(SetPasswordHash, SetPasswordHashHandler(repository, ports.clock)),
        on(UpdateProfile, UpdateProfileHandler(repository, ports.clock)),
        on(SetUserStatus, SetUserStatusHandler(repository, ports.clock)),
        on(RecordLogin, RecordLoginHandler(repository, ports.clock, security.failed_logins, timedelta(seconds=security.lockout_seconds))),
        on(GetProfile, GetProfileHandler(reader)),
        on(GetUser, GetUserHandler(reader)),
        on(ListUsers, ListUsersHandler(ports.database)),
        *_by_mail(ports),
    ]


def _by_mail(ports: Ports) -> Sequence[Registration]:
    """Return the handlers of address confirmation and password reset."""
    users, registrations = SqlUserRepository(ports.database), SqlRegistrationRepository(ports.database)
    resets, tokens = SqlPasswordResetRepository(ports.database), ports.link_tokens
    hasher, policy = ports.password_hasher, ports.password_policy
    by, to, clock = email_templates(ports, EMAILS), links(ports), ports.clock
    return [
        on(StorePendingRegistration, StorePendingRegistrationHandler(registrations, ports.jobs, ports.ids, clock)),
        on(MailRegistration, MailRegistrationHandler(registrations, users, by, to, clock)),
        on(ConfirmRegistration, ConfirmRegistrationHandler(registrations, users, tokens, ports.ids, clock)),
        on(RequestPasswordReset, RequestPasswordResetHandler(ports.jobs, ports.ids)),
        on(MailPasswordReset, MailPasswordResetHandler(ports.bus, users, by, to)),
        on(BeginPasswordReset, BeginPasswordResetHandler(users, resets, clock)),
        on(ResetPassword, ResetPasswordHandler(ports.bus, users, resets, tokens, hasher, policy, clock)),
        on(UsePasswordReset, UsePasswordResetHandler(users, resets, clock)),
        on(MailPasswordChanged, MailPasswordChangedHandler(users, by)),
    ]


def _subscribers(ports: Ports) -> Sequence[Subscription]:
    return [Subscription("users.password_changed.v1", Changed, NotifyPasswordChanged(ports.jobs, ports.ids).handle)]


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
    prune=(Prune(table=REGISTRATIONS, keep=timedelta(days=1)), Prune(table=PASSWORD_RESETS, keep=timedelta(days=1))),
    routes=v1.routes,
)
