"""The context `auth`."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from api_base.application import auth as application
from api_base.application.auth.commands import issue_mcp_token, known_devices, log_in, log_out, refresh_session, switch_tenant
from api_base.application.auth.dtos import SessionTokens
from api_base.application.auth.queries import ListSessions
from api_base.application.common.cqrs import Registration, on
from api_base.application.common.jobs import Job
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.identities import credentials
from api_base.bootstrap.contexts.mailing import ATTEMPTS, email_templates
from api_base.domain.auth.entities import Lifetime
from api_base.domain.common.events import Subscription
from api_base.infrastructure import auth
from api_base.infrastructure.auth.queries import ListSessionsHandler
from api_base.infrastructure.auth.repository import SqlDeviceRepository, SqlSessionRepository
from api_base.infrastructure.auth.tables import DEVICES, SESSIONS, TICKETS
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
    lifetime = Lifetime(idle=timedelta(seconds=security.refresh_token_seconds), absolute=timedelta(seconds=security.session_seconds))
    grace = timedelta(seconds=security.refresh_grace_seconds)
    known = known_devices.KnownDevices(ports.bus, devices, ports.jobs, ports.clock, ports.after_response)
    return [
        on(log_in.LogIn, log_in.LogInHandler(ports.bus, recipients, memberships, ports.password_hasher, known)),
        on(
            log_in.StartSession,
            log_in.StartSessionHandler(sessions, known, tokens, ports.ids, ports.clock, lifetime),
        ),
        on(known_devices.RecordDeviceSeen, known_devices.RecordDeviceSeenHandler(devices, ports.clock)),
        on(known_devices.MailNewDevice, known_devices.MailNewDeviceHandler(devices, recipients, email_templates(ports, EMAILS))),
        on(
            refresh_session.RefreshSession,
            refresh_session.RefreshSessionHandler(sessions, memberships, tokens, ports.clock, grace, lifetime),
        ),
        on(log_out.LogOut, log_out.LogOutHandler(sessions, ports.clock)),
        on(log_out.EndSession, log_out.EndSessionHandler(sessions, ports.clock)),
        on(ListSessions, ListSessionsHandler(ports.database)),
        on(
            issue_mcp_token.IssueMcpToken,
            issue_mcp_token.IssueMcpTokenHandler(
                sessions,
                ports.mcp_token_issuer,
                ports.ids,
                ports.clock,
                timedelta(days=ports.settings.mcp.max_token_days),
                ports.settings.mcp.tokens_per_user,
            ),
        ),
        on(switch_tenant.SwitchTenant, switch_tenant.SwitchTenantHandler(sessions, memberships, tokens)),
    ]


def _subscribers(ports: Ports) -> Sequence[Subscription]:
    end = log_out.EndSessions(SqlSessionRepository(ports.database), ports.clock)
    return [
        Subscription("users.password_changed.v1", log_out.CredentialsEnded, end.others),
        Subscription("users.deactivated.v1", log_out.CredentialsEnded, end.all),
        Subscription("tenants.membership_ended.v1", log_out.MembershipEnded, end.of_former_member),
    ]


AUTH: Final = Context(
    name="auth",
    requires=("users", "tenants"),
    tables=(SESSIONS, DEVICES, TICKETS),
    migrations=Path(auth.__path__[0]) / "migrations",
    handlers=_handlers,
    subscribers=_subscribers,
    jobs=(Job(name="auth.mail_new_device", message=known_devices.MailNewDevice, attempts=ATTEMPTS),),
    prune=(
        # for a day, the error for a token of an ended session says that the session has ended
        Prune(table=SESSIONS, ended="least(expires_at, revoked_at)", keep=timedelta(days=1)),
        Prune(table=TICKETS),
        Prune(table=DEVICES, ended="seen_at", keep=timedelta(days=180), interval=3600.0),
    ),
    routes=v1.routes,
)
