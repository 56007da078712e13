"""The context `users`."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from api_base.application import users as application
from api_base.application.common.cqrs import Registration, on
from api_base.application.common.jobs import Job
from api_base.application.common.realtime import PublicEvent, Unpublished
from api_base.application.users import permissions
from api_base.application.users.commands import (
    change_password,
    confirm_registration,
    create_user,
    mail_password_changed,
    register_user,
    request_password_reset,
    reset_password,
    set_user_status,
    update_profile,
)
from api_base.application.users.queries import GetProfile, GetUser, GetUsersByIds, ListUsers
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.mailing import ATTEMPTS, email_templates, links
from api_base.bootstrap.contexts.roles import PLATFORM_ADMIN
from api_base.domain.common.events import Subscription
from api_base.domain.users.events import PasswordChanged, UserDeactivated, UserReactivated, UserRegistered
from api_base.infrastructure import users
from api_base.infrastructure.db.pruner import Prune
from api_base.infrastructure.users.queries import GetProfileHandler, GetUserHandler, GetUsersByIdsHandler, ListUsersHandler
from api_base.infrastructure.users.repository import SqlPasswordResetRepository, SqlRegistrationRepository, SqlUserRepository
from api_base.infrastructure.users.tables import PASSWORD_RESETS, PLATFORM_ADMINISTRATORS, REGISTRATIONS, USER_PASSWORDS
from api_base.infrastructure.users.tables import USERS as USERS_TABLE
from api_base.interface.mcp import members as members_tools
from api_base.interface.v1 import users as v1
from api_base.interface.v2 import users as v2

EMAILS: Final = Path(application.__path__[0]) / "emails"
"""Folder of the e-mail templates of this context."""


def _handlers(ports: Ports) -> Sequence[Registration]:
    repository = SqlUserRepository(ports.database)
    hasher, policy = ports.password_hasher, ports.password_policy
    mode = register_user.RegistrationMode(ports.settings.registration)
    return [
        on(create_user.CreateUser, create_user.CreateUserHandler(repository, ports.ids, ports.clock)),
        on(create_user.ReplaceUnusedPassword, create_user.ReplaceUnusedPasswordHandler(repository)),
        on(register_user.RegisterUser, register_user.RegisterUserHandler(ports.bus, hasher, policy, mode)),
        on(change_password.ChangePassword, change_password.ChangePasswordHandler(ports.bus, repository, hasher, policy)),
        on(change_password.SetPasswordHash, change_password.SetPasswordHashHandler(repository, ports.clock)),
        on(update_profile.UpdateProfile, update_profile.UpdateProfileHandler(repository, ports.clock)),
        on(set_user_status.SetUserStatus, set_user_status.SetUserStatusHandler(repository, ports.clock)),
        on(change_password.RenewPasswordHash, change_password.RenewPasswordHashHandler(repository)),
        on(GetProfile, GetProfileHandler(ports.database)),
        on(GetUser, GetUserHandler(ports.database)),
        on(GetUsersByIds, GetUsersByIdsHandler(ports.database, ports.checker)),
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
        on(
            register_user.StorePendingRegistration,
            register_user.StorePendingRegistrationHandler(registrations, ports.jobs, ports.ids, clock),
        ),
        on(confirm_registration.MailRegistration, confirm_registration.MailRegistrationHandler(registrations, users, by, to, clock)),
        on(
            confirm_registration.ConfirmRegistration,
            confirm_registration.ConfirmRegistrationHandler(ports.bus, registrations, tokens, hasher, policy, clock),
        ),
        on(confirm_registration.UseRegistration, confirm_registration.UseRegistrationHandler(registrations, users, ports.ids, clock)),
        on(request_password_reset.RequestPasswordReset, request_password_reset.RequestPasswordResetHandler(ports.jobs, ports.ids)),
        on(request_password_reset.MailPasswordReset, request_password_reset.MailPasswordResetHandler(ports.bus, users, by, to)),
        on(request_password_reset.BeginPasswordReset, request_password_reset.BeginPasswordResetHandler(users, resets, clock)),
        on(reset_password.ResetPassword, reset_password.ResetPasswordHandler(ports.bus, users, resets, tokens, hasher, policy, clock)),
        on(reset_password.UsePasswordReset, reset_password.UsePasswordResetHandler(users, resets, clock)),
        on(mail_password_changed.MailPasswordChanged, mail_password_changed.MailPasswordChangedHandler(users, by)),
    ]


def _subscribers(ports: Ports) -> Sequence[Subscription]:
    return [
        Subscription(
            "users.password_changed.v1",
            mail_password_changed.Changed,
            mail_password_changed.NotifyPasswordChanged(ports.jobs, ports.ids).handle,
        )
    ]


_JOBS: Final = (
    Job(name="users.mail_registration", message=confirm_registration.MailRegistration, attempts=ATTEMPTS),
    Job(name="users.mail_password_reset", message=request_password_reset.MailPasswordReset, attempts=ATTEMPTS),
    Job(name="users.mail_password_changed", message=mail_password_changed.MailPasswordChanged, attempts=ATTEMPTS),
)


_CHANNELS: Final = (
    Unpublished(event="users.registered.v1", reason="Nobody can be connected as a user before the registration."),
    PublicEvent(event="users.deactivated.v1", fields=("aggregate_id",), to={"user": "aggregate_id"}),
    PublicEvent(event="users.reactivated.v1", fields=("aggregate_id",), to={"user": "aggregate_id"}),
    PublicEvent(event="users.password_changed.v1", fields=("aggregate_id",), to={"user": "aggregate_id"}),
)

USERS: Final = Context(
    name="users",
    tables=(USERS_TABLE, PLATFORM_ADMINISTRATORS, USER_PASSWORDS, REGISTRATIONS, PASSWORD_RESETS),
    migrations=Path(users.__path__[0]) / "migrations",
    permissions={permissions.MANAGE: frozenset({PLATFORM_ADMIN})},
    handlers=_handlers,
    events=(UserRegistered, UserDeactivated, UserReactivated, PasswordChanged),
    subscribers=_subscribers,
    channels=_CHANNELS,
    jobs=_JOBS,
    prune=(Prune(table=REGISTRATIONS, keep=timedelta(days=1)), Prune(table=PASSWORD_RESETS, keep=timedelta(days=1))),
    mcp=members_tools.USERS,
    routes=v1.routes,
    changes=v2.CHANGES,
    graphql="api_base.interface.graphql.users:USERS",
)
