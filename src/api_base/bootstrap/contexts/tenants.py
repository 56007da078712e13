"""The context `tenants`."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from api_base.application import tenants as application
from api_base.application.common.cqrs import Registration, on
from api_base.application.common.jobs import Job
from api_base.application.tenants import permissions
from api_base.application.tenants.commands.accept_invitation import (
    AcceptInvitation,
    AcceptInvitationHandler,
    InvitationAcceptance,
    JoinAsNewUser,
    JoinAsNewUserHandler,
    RegisterByInvitation,
    RegisterByInvitationHandler,
)
from api_base.application.tenants.commands.add_member import AddMember, AddMemberHandler
from api_base.application.tenants.commands.change_member_role import ChangeMemberRole, ChangeMemberRoleHandler
from api_base.application.tenants.commands.create_tenant import (
    CreatePersonalTenant,
    CreateTenant,
    CreateTenantHandler,
    Registered,
    TenantFactory,
)
from api_base.application.tenants.commands.import_members import (
    MEMBER_SCHEMA,
    ImportMemberFile,
    ImportMembers,
    MemberImporter,
    StartMemberImport,
)
from api_base.application.tenants.commands.invite_member import InviteMember, InviteMemberHandler, MailInvitation, MailInvitationHandler
from api_base.application.tenants.commands.remove_member import LeaveTenant, LeaveTenantHandler, RemoveMember, RemoveMemberHandler
from api_base.application.tenants.commands.rename_tenant import RenameTenant, RenameTenantHandler
from api_base.application.tenants.commands.revoke_invitation import RevokeInvitation, RevokeInvitationHandler
from api_base.application.tenants.queries import GetTenant, ListInvitations, ListMembers, ListMyTenants
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.identities import identities
from api_base.bootstrap.contexts.mailing import ATTEMPTS, email_templates, links
from api_base.bootstrap.contexts.roles import ADMINS, VIEWERS
from api_base.bootstrap.importing import FileImport, rows_handler
from api_base.domain.common.events import Subscription
from api_base.domain.tenants.events import InvitationAccepted, MemberAdded, MemberInvited, MemberRoleChanged, MembershipEnded, TenantCreated
from api_base.infrastructure import tenants
from api_base.infrastructure.db.pruner import Prune
from api_base.infrastructure.tenants.queries import GetTenantHandler, ListInvitationsHandler, ListMembersHandler, ListMyTenantsHandler
from api_base.infrastructure.tenants.repository import SqlInvitationRepository, SqlMembershipRepository, SqlTenantRepository
from api_base.infrastructure.tenants.tables import INVITATIONS, MEMBERSHIPS
from api_base.infrastructure.tenants.tables import TENANTS as TENANTS_TABLE
from api_base.interface.v1 import tenants as v1

EMAILS: Final = Path(application.__path__[0]) / "emails"
"""Folder of the e-mail templates of this context."""


def _tenant_factory(ports: Ports) -> TenantFactory:
    return TenantFactory(SqlTenantRepository(ports.database), SqlMembershipRepository(ports.database), ports.ids, ports.clock)


def _handlers(ports: Ports) -> Sequence[Registration]:
    repository, memberships = SqlTenantRepository(ports.database), SqlMembershipRepository(ports.database)
    users, direct = identities(ports), ports.settings.registration == "open"
    return [
        on(CreateTenant, CreateTenantHandler(_tenant_factory(ports))),
        on(RenameTenant, RenameTenantHandler(repository, ports.clock)),
        on(
            AddMember,
            AddMemberHandler(memberships, users, ports.ids, ports.clock, direct=direct),
        ),
        on(ImportMembers, rows_handler(ports, MemberImporter(memberships, users, ports.ids, ports.clock, direct=direct))),
        on(ChangeMemberRole, ChangeMemberRoleHandler(memberships, ports.clock)),
        on(RemoveMember, RemoveMemberHandler(memberships)),
        on(LeaveTenant, LeaveTenantHandler(memberships)),
        on(GetTenant, GetTenantHandler(ports.database)),
        on(ListMyTenants, ListMyTenantsHandler(ports.database)),
        on(ListMembers, ListMembersHandler(ports.database)),
        *_invitations(ports),
    ]


def _invitations(ports: Ports) -> Sequence[Registration]:
    repository, tenants = SqlInvitationRepository(ports.database), SqlTenantRepository(ports.database)
    memberships, users = SqlMembershipRepository(ports.database), identities(ports)
    acceptance = InvitationAcceptance(repository, memberships, ports.link_tokens, ports.ids, ports.clock)
    return [
        on(InviteMember, InviteMemberHandler(repository, memberships, ports.jobs, ports.ids, ports.clock)),
        on(MailInvitation, MailInvitationHandler(repository, tenants, users, email_templates(ports, EMAILS), links(ports), ports.clock)),
        on(RevokeInvitation, RevokeInvitationHandler(repository, memberships)),
        on(AcceptInvitation, AcceptInvitationHandler(acceptance)),
        on(RegisterByInvitation, RegisterByInvitationHandler(ports.bus, acceptance, users)),
        on(JoinAsNewUser, JoinAsNewUserHandler(acceptance, users)),
        on(ListInvitations, ListInvitationsHandler(ports.database)),
    ]


def _subscribers(ports: Ports) -> Sequence[Subscription]:
    return [Subscription("users.registered.v1", Registered, CreatePersonalTenant(_tenant_factory(ports)).handle)]


IMPORT: Final = FileImport(
    schema=MEMBER_SCHEMA, job_name="tenants.import_members", start=StartMemberImport, file=ImportMemberFile, rows=ImportMembers
)
"""Members of a file."""

TENANTS: Final = Context(
    name="tenants",
    tables=(TENANTS_TABLE, MEMBERSHIPS, INVITATIONS),
    migrations=Path(tenants.__path__[0]) / "migrations",
    permissions={permissions.READ: VIEWERS, permissions.UPDATE: ADMINS, permissions.MANAGE_MEMBERS: ADMINS},
    handlers=_handlers,
    events=(TenantCreated, MemberAdded, MemberRoleChanged, MembershipEnded, MemberInvited, InvitationAccepted),
    subscribers=_subscribers,
    importable=(IMPORT,),
    jobs=(Job(name="tenants.mail_invitation", message=MailInvitation, attempts=ATTEMPTS),),
    prune=(Prune(table=INVITATIONS, keep=timedelta(days=30)),),
    routes=v1.routes,
)
