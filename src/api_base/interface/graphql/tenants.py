"""The tenant of the token, its members and invitations."""

from typing import Final

from api_base.application.tenants.dtos import InvitationDTO, MemberDTO, MyTenantDTO, TenantDTO
from api_base.application.tenants.queries import (
    INVITATION_FIELDS,
    MEMBER_FIELDS,
    GetMembersByUserIds,
    GetTenant,
    GetTenantsByIds,
    ListInvitations,
    ListMembers,
    ListMyTenants,
)
from api_base.application.users.dtos import UserDTO
from api_base.core.types import request_tenant, request_user
from api_base.interface.graphql.declared import GraphQL, Listing, Node, Relation, Single

TENANTS: Final = GraphQL(
    nodes=(
        Node(name="Tenant", dto=TenantDTO, by_ids=lambda ids: GetTenantsByIds(ids=ids), path="/tenants"),
        Node(
            name="Member", dto=MemberDTO, by_ids=lambda ids: GetMembersByUserIds(user_ids=ids), path="/tenants/{id}/members", key="user_id"
        ),
    ),
    listings=(
        Listing(
            name="members",
            dto=MemberDTO,
            query=lambda request: ListMembers(tenant_id=request_tenant(), request=request),
            fields=MEMBER_FIELDS,
            description="The members of the tenant.",
        ),
        Listing(
            name="invitations",
            dto=InvitationDTO,
            query=lambda request: ListInvitations(tenant_id=request_tenant(), request=request),
            fields=INVITATION_FIELDS,
            description="The invitations into the tenant.",
        ),
    ),
    relations=(
        Relation(
            on=MemberDTO,
            name="user",
            to=UserDTO,
            key=lambda member: member.user_id,
            description="Name and e-mail: for the user, and for platform administrators. Null for others.",
        ),
        Relation(
            on=UserDTO,
            name="tenants",
            to=MyTenantDTO,
            key=lambda user: user.id if user.id == request_user() else None,
            load=lambda ids: ListMyTenants(),
            of=lambda found: request_user(),
            many=True,
            description="The tenants of the user, for the user. Empty for others.",
        ),
    ),
    singles=(
        Single(name="currentTenant", query=lambda: GetTenant(id=request_tenant()), dto=TenantDTO, description="The tenant of the token."),
        Single(name="myTenants", query=ListMyTenants, dto=MyTenantDTO, many=True, description="All tenants of the caller."),
    ),
)
