"""The context `tenants`."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from api_base.application import tenants as application
from api_base.application.common.cqrs import Registration, on
from api_base.application.common.jobs import Job
from api_base.application.common.realtime import PublicEvent
from api_base.application.tenants import permissions
from api_base.application.tenants.commands import (
    accept_invitation,
    add_member,
    change_member_role,
    change_plan,
    change_public_pages,
    create_tenant,
    import_members,
    invite_member,
    remove_member,
    rename_tenant,
    revoke_invitation,
)
from api_base.application.tenants.queries import (
    GetMembersByUserIds,
    GetTenant,
    GetTenantsByIds,
    ListInvitations,
    ListMembers,
    ListMyTenants,
)
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.identities import identities
from api_base.bootstrap.contexts.mailing import ATTEMPTS, email_templates, links
from api_base.bootstrap.contexts.roles import ADMINS, PLATFORM_ADMIN, VIEWERS
from api_base.bootstrap.importing import FileImport, rows_handler
from api_base.domain.common.events import Subscription
from api_base.domain.tenants.entities import MANAGERS
from api_base.domain.tenants.events import InvitationAccepted, MemberAdded, MemberInvited, MemberRoleChanged, MembershipEnded, TenantCreated
from api_base.infrastructure import tenants
from api_base.infrastructure.db.pruner import Prune
from api_base.infrastructure.tenants.queries import (
    GetMembersByUserIdsHandler,
    GetTenantHandler,
    GetTenantsByIdsHandler,
    ListInvitationsHandler,
    ListMembersHandler,
    ListMyTenantsHandler,
)
from api_base.infrastructure.tenants.repository import SqlInvitationRepository, SqlMembershipRepository, SqlTenantRepository
from api_base.infrastructure.tenants.tables import INVITATIONS, MEMBERSHIPS
from api_base.infrastructure.tenants.tables import TENANTS as TENANTS_TABLE
from api_base.interface.mcp import members as members_tools
from api_base.interface.v1 import tenants as v1

EMAILS: Final = Path(application.__path__[0]) / "emails"
"""Folder of the e-mail templates of this context."""


def _tenant_factory(ports: Ports) -> create_tenant.TenantFactory:
    return create_tenant.TenantFactory(SqlTenantRepository(ports.database), SqlMembershipRepository(ports.database), ports.ids, ports.clock)


def _handlers(ports: Ports) -> Sequence[Registration]:
    repository, memberships = SqlTenantRepository(ports.database), SqlMembershipRepository(ports.database)
    users, direct = identities(ports), ports.settings.registration == "open"
    return [
        on(create_tenant.CreateTenant, create_tenant.CreateTenantHandler(_tenant_factory(ports))),
        on(rename_tenant.RenameTenant, rename_tenant.RenameTenantHandler(repository, ports.clock)),
        on(change_public_pages.ChangePublicPages, change_public_pages.ChangePublicPagesHandler(repository, ports.clock)),
        on(change_plan.ChangePlan, change_plan.ChangePlanHandler(repository, ports.settings.plans, ports.clock)),
        on(add_member.AddMember, add_member.AddMemberHandler(memberships, users, ports.ids, ports.clock, direct=direct)),
        on(
            import_members.ImportMembers,
            rows_handler(ports, import_members.MemberImporter(memberships, users, ports.ids, ports.clock, direct=direct)),
        ),
        on(change_member_role.ChangeMemberRole, change_member_role.ChangeMemberRoleHandler(memberships, ports.clock)),
        on(remove_member.RemoveMember, remove_member.RemoveMemberHandler(memberships)),
        on(remove_member.LeaveTenant, remove_member.LeaveTenantHandler(memberships)),
        on(GetTenant, GetTenantHandler(ports.database)),
        on(GetTenantsByIds, GetTenantsByIdsHandler(ports.database)),
        on(GetMembersByUserIds, GetMembersByUserIdsHandler(ports.database)),
        on(ListMyTenants, ListMyTenantsHandler(ports.database)),
        on(ListMembers, ListMembersHandler(ports.database)),
        *_invitations(ports),
    ]


def _invitations(ports: Ports) -> Sequence[Registration]:
    repository, tenants = SqlInvitationRepository(ports.database), SqlTenantRepository(ports.database)
    memberships, users = SqlMembershipRepository(ports.database), identities(ports)
    acceptance = accept_invitation.InvitationAcceptance(repository, memberships, users, ports.link_tokens, ports.ids, ports.clock)
    return [
        on(
            invite_member.InviteMember,
            invite_member.InviteMemberHandler(repository, memberships, users, ports.jobs, ports.ids, ports.clock, ports.flags),
        ),
        on(
            invite_member.MailInvitation,
            invite_member.MailInvitationHandler(repository, tenants, users, email_templates(ports, EMAILS), links(ports), ports.clock),
        ),
        on(revoke_invitation.RevokeInvitation, revoke_invitation.RevokeInvitationHandler(repository, memberships)),
        on(accept_invitation.AcceptInvitation, accept_invitation.AcceptInvitationHandler(acceptance, users)),
        on(accept_invitation.RegisterByInvitation, accept_invitation.RegisterByInvitationHandler(ports.bus, acceptance, users)),
        on(accept_invitation.JoinAsNewUser, accept_invitation.JoinAsNewUserHandler(acceptance, users)),
        on(ListInvitations, ListInvitationsHandler(ports.database)),
    ]


def _subscribers(ports: Ports) -> Sequence[Subscription]:
    withdraw = revoke_invitation.WithdrawInvitations(SqlInvitationRepository(ports.database))
    return [
        Subscription("users.registered.v1", create_tenant.Registered, _tenant_factory(ports).create_personal),
        Subscription("tenants.membership_ended.v1", MembershipEnded, withdraw.of_former_member),
        Subscription("tenants.member_role_changed.v1", MemberRoleChanged, withdraw.beyond_role),
        Subscription("users.deactivated.v1", revoke_invitation.Deactivated, withdraw.of_deactivated_user),
    ]


IMPORT: Final = FileImport(
    schema=import_members.MEMBER_SCHEMA,
    job_name="tenants.import_members",
    start=import_members.StartMemberImport,
    file=import_members.ImportMemberFile,
    rows=import_members.ImportMembers,
)
"""Members of a file."""

_CHANNELS: Final = (
    PublicEvent(event="tenants.created.v1", fields=("aggregate_id", "slug"), to={}, permission=permissions.READ),
    PublicEvent(
        event="tenants.member_added.v1", fields=("tenant_id", "user_id", "role"), to={"user": "user_id"}, permission=permissions.READ
    ),
    PublicEvent(
        event="tenants.member_role_changed.v1", fields=("tenant_id", "user_id", "role"), to={"user": "user_id"}, permission=permissions.READ
    ),
    PublicEvent(event="tenants.membership_ended.v1", fields=("tenant_id", "user_id"), to={"user": "user_id"}, permission=permissions.READ),
    PublicEvent(event="tenants.member_invited.v1", fields=("tenant_id", "role"), to={}, permission=permissions.MANAGE_MEMBERS),
    PublicEvent(event="tenants.invitation_accepted.v1", fields=("tenant_id", "user_id"), to={}, permission=permissions.READ),
)

TENANTS: Final = Context(
    name="tenants",
    requires=("users", "files", "jobs"),
    tables=(TENANTS_TABLE, MEMBERSHIPS, INVITATIONS),
    migrations=Path(tenants.__path__[0]) / "migrations",
    permissions={
        permissions.READ: VIEWERS,
        permissions.UPDATE: ADMINS,
        permissions.CHANGE_PLAN: frozenset({PLATFORM_ADMIN}),
        permissions.MANAGE_MEMBERS: MANAGERS,
    },
    handlers=_handlers,
    events=(TenantCreated, MemberAdded, MemberRoleChanged, MembershipEnded, MemberInvited, InvitationAccepted),
    subscribers=_subscribers,
    channels=_CHANNELS,
    importable=(IMPORT,),
    jobs=(Job(name="tenants.mail_invitation", message=invite_member.MailInvitation, attempts=ATTEMPTS),),
    prune=(Prune(table=INVITATIONS, keep=timedelta(days=30)),),
    mcp=members_tools.TENANTS,
    routes=v1.routes,
    graphql="api_base.interface.graphql.tenants:TENANTS",
)
