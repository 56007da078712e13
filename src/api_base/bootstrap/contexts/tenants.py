"""The context `tenants`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from api_base.application.common.cqrs import Handler, Message
from api_base.application.tenants import permissions
from api_base.application.tenants.commands.add_member import AddMember, AddMemberHandler
from api_base.application.tenants.commands.change_member_role import ChangeMemberRole, ChangeMemberRoleHandler
from api_base.application.tenants.commands.create_tenant import CreateTenant, CreateTenantHandler, Founding
from api_base.application.tenants.commands.found_personal_tenant import FoundPersonalTenant, Registered
from api_base.application.tenants.commands.remove_member import LeaveTenant, LeaveTenantHandler, RemoveMember, RemoveMemberHandler
from api_base.application.tenants.commands.rename_tenant import RenameTenant, RenameTenantHandler
from api_base.application.tenants.queries.tenants import GetTenant, ListMembers, ListMyTenants
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.roles import ADMINS, VIEWERS
from api_base.bootstrap.contexts.users import credentials
from api_base.domain.common.events import Subscription
from api_base.domain.tenants.events import MemberAdded, MemberRoleChanged, MembershipEnded, TenantCreated
from api_base.infrastructure import tenants
from api_base.infrastructure.tenants.queries import GetTenantHandler, ListMembersHandler, ListMyTenantsHandler
from api_base.infrastructure.tenants.repository import SqlMembershipRepository, SqlTenantRepository
from api_base.infrastructure.tenants.tables import MEMBERSHIPS
from api_base.infrastructure.tenants.tables import TENANTS as TENANTS_TABLE
from api_base.interface.v1 import tenants as v1


def _founding(ports: Ports) -> Founding:
    return Founding(SqlTenantRepository(ports.database), SqlMembershipRepository(ports.database), ports.ids, ports.clock)


def _handlers(ports: Ports) -> Mapping[type[Message[Any]], Handler[Any, Any]]:
    repository, memberships = SqlTenantRepository(ports.database), SqlMembershipRepository(ports.database)
    return {
        CreateTenant: CreateTenantHandler(_founding(ports)),
        RenameTenant: RenameTenantHandler(repository, ports.clock),
        AddMember: AddMemberHandler(memberships, credentials(ports), ports.ids, ports.clock),
        ChangeMemberRole: ChangeMemberRoleHandler(memberships, ports.clock),
        RemoveMember: RemoveMemberHandler(memberships),
        LeaveTenant: LeaveTenantHandler(memberships),
        GetTenant: GetTenantHandler(ports.database),
        ListMyTenants: ListMyTenantsHandler(ports.database),
        ListMembers: ListMembersHandler(ports.database),
    }


def _subscribers(ports: Ports) -> Sequence[Subscription[Any]]:
    return [Subscription("users.registered.v1", Registered, FoundPersonalTenant(_founding(ports)).handle)]


TENANTS: Final = Context(
    name="tenants",
    tables=(TENANTS_TABLE, MEMBERSHIPS),
    migrations=Path(tenants.__path__[0]) / "migrations",
    permissions={permissions.READ: VIEWERS, permissions.UPDATE: ADMINS, permissions.MANAGE_MEMBERS: ADMINS},
    handlers=_handlers,
    events=(TenantCreated, MemberAdded, MemberRoleChanged, MembershipEnded),
    subscribers=_subscribers,
    routes=v1.routes,
)
