"""The context `auth`."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from api_base.application import auth as application
from api_base.application.auth.commands.end_sessions import CredentialsEnded, EndSessions
from api_base.application.auth.commands.log_in import LogIn, LogInHandler, StartSession, StartSessionHandler
from api_base.application.auth.commands.log_out import LogOut, LogOutHandler
from api_base.application.auth.commands.mail_new_device import MailNewDevice, MailNewDeviceHandler
from api_base.application.auth.commands.refresh_session import RefreshSession, RefreshSessionHandler
from api_base.application.auth.commands.switch_tenant import SwitchTenant, SwitchTenantHandler
from api_base.application.auth.dtos import SessionTokens
from api_base.application.auth.known_devices import KnownDevices, RecordDeviceSeen, RecordDeviceSeenHandler
from api_base.application.common.cqrs import Registration, on
from api_base.application.common.jobs import Job
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.identities import credentials
from api_base.bootstrap.contexts.mailing import ATTEMPTS, email_templates
from api_base.domain.common.events import Subscription
from api_base.infrastructure import auth
from api_base.infrastructure.auth.repository import SqlDeviceRepository, SqlSessionRepository
from api_base.infrastructure.auth.tables import DEVICES, SESSIONS
from api_base.infrastructure.db.pruner import Prune
from api_base.infrastructure.tenants.queries import SqlMemberships
from api_base.interface.v1 import auth as v1

EMAILS: Final = Path(application.__path__[0]) / "emails"
"""Folder of the e-mail templates of this context."""


def _handlers(ports: Ports) -> Sequence[Registration]:
    security = ports.settings.security
    devices, recipients = SqlDeviceRepository(ports.database), credentials(ports)
    sessions, memberships = SqlSessionRepository(ports.database), SqlMemberships(ports.database)
    tokens = SessionTokens(ports.token_issuer, ports.clock)
    lifetime, grace = timedelta(seconds=security.refresh_token_seconds), timedelta(seconds=security.refresh_grace_seconds)
    return [
        on(LogIn, LogInHandler(ports.bus, recipients, memberships, ports.password_hasher, ports.after_response)),
        on(
            StartSession,
            StartSessionHandler(
                sessions,
                KnownDevices(ports.bus, devices, ports.jobs, ports.clock, ports.after_response),
                tokens,
                ports.ids,
                ports.clock,
                lifetime,
            ),
        ),
        on(RecordDeviceSeen, RecordDeviceSeenHandler(devices, ports.clock)),
        on(MailNewDevice, MailNewDeviceHandler(devices, recipients, email_templates(ports, EMAILS))),
        on(RefreshSession, RefreshSessionHandler(sessions, memberships, tokens, ports.clock, grace, lifetime)),
        on(LogOut, LogOutHandler(sessions, ports.clock)),
        on(SwitchTenant, SwitchTenantHandler(sessions, memberships, tokens)),
    ]


def _subscribers(ports: Ports) -> Sequence[Subscription]:
    end = EndSessions(SqlSessionRepository(ports.database), ports.clock)
    return [
        Subscription("users.password_changed.v1", CredentialsEnded, end.others),
        Subscription("users.deactivated.v1", CredentialsEnded, end.all),
    ]


AUTH: Final = Context(
    name="auth",
    tables=(SESSIONS, DEVICES),
    migrations=Path(auth.__path__[0]) / "migrations",
    handlers=_handlers,
    subscribers=_subscribers,
    jobs=(Job(name="auth.mail_new_device", message=MailNewDevice, attempts=ATTEMPTS),),
    prune=(
        # for a day, the error for a token of an ended session says that the session has ended
        Prune(table=SESSIONS, ended="least(expires_at, revoked_at)", keep=timedelta(days=1)),
        Prune(table=DEVICES, ended="seen_at", keep=timedelta(days=180), interval=3600.0),
    ),
    routes=v1.routes,
)
