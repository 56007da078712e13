"""What MCP clients see of tenants and users: the caller's own tenant, its members, and the caller."""

from typing import Final

from api_base.application.tenants.commands.change_member_role import ChangeMemberRole
from api_base.application.tenants.commands.remove_member import RemoveMember
from api_base.application.tenants.queries import MEMBER_FIELDS, GetTenant, ListMembers
from api_base.application.users.queries import GetProfile
from api_base.interface.mcp.declared import Exposed, Tool
from api_base.interface.v1.bodies.tenants import PatchMemberBody

TENANTS: Final[tuple[Exposed, ...]] = (
    Tool(message=GetTenant, description="Read the tenant in which you act.", tenant="id"),
    Tool(message=ListMembers, description="List the members of the tenant, in pages.", listing=MEMBER_FIELDS, tenant="tenant_id"),
    Tool(
        message=ChangeMemberRole,
        description="Change the role of a member. expected_version null accepts any version.",
        body=PatchMemberBody,
        tenant="tenant_id",
    ),
    Tool(
        message=RemoveMember, description="Remove a member from the tenant. expected_version null accepts any version.", tenant="tenant_id"
    ),
)
USERS: Final[tuple[Exposed, ...]] = (Tool(message=GetProfile, description="Read your own profile."),)
