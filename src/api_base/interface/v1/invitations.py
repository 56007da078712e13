"""/api/v1/tenants/{id}/invitations: invite into the token's tenant, and accept an invitation by its link."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from api_base.application.common.cqrs import Bus
from api_base.application.common.listing import ListRequest, Page
from api_base.application.tenants.commands.accept_invitation import AcceptInvitation, RegisterByInvitation
from api_base.application.tenants.commands.invite_member import InviteMember
from api_base.application.tenants.commands.revoke_invitation import RevokeInvitation
from api_base.application.tenants.dtos import InvitationDTO, MemberDTO
from api_base.application.tenants.queries import INVITATION_FIELDS, ListInvitations
from api_base.interface.routes import ExpectedVersion, ListQuery, PreferredLanguage, RouteOptions, Router
from api_base.interface.v1.bodies.tenants import InviteMemberBody, RegisterByInvitationBody
from api_base.interface.v1.bodies.users import TokenBody

INVITE = RouteOptions(versioned=True, rate="login", example={"body": {"email": "bo@example.com", "role": "member"}})
ACCEPT = RouteOptions(versioned=True, rate="login", example={"body": {"token": "the token of the link"}})
REGISTER = RouteOptions(
    auth="ignored",
    rate="login",
    example={"body": {"token": "the token of the link", "name": "Bo", "password": "a long enough pass phrase"}},
)


def add_routes(router: Router, bus: Bus) -> None:
    """Add the routes of invitations to those of tenants."""

    @router.post("/{id}/invitations", INVITE, status_code=201, summary="Invite an e-mail address")
    async def invite_member(id: UUID, language: PreferredLanguage, body: InviteMemberBody) -> InvitationDTO:
        return await bus.execute(InviteMember(tenant_id=id, email=body.email, role=body.role, language=language))

    @router.get(
        "/{id}/invitations",
        RouteOptions(sparse=True, example={"query": "sort=-created_at&limit=2"}),
        summary="List the invitations",
    )
    async def list_invitations(id: UUID, request: Annotated[ListRequest, Depends(ListQuery(INVITATION_FIELDS))]) -> Page[InvitationDTO]:
        return await bus.execute(ListInvitations(tenant_id=id, request=request))

    @router.delete("/{id}/invitations/{invitation_id}", RouteOptions(), status_code=204, summary="Withdraw an invitation")
    async def revoke_invitation(id: UUID, invitation_id: UUID, expected: ExpectedVersion) -> None:
        await bus.execute(RevokeInvitation(tenant_id=id, id=invitation_id, expected_version=expected))

    @router.post("/invitations/accept", ACCEPT, summary="Accept an invitation as the current user")
    async def accept_invitation(body: TokenBody) -> MemberDTO:
        return await bus.execute(AcceptInvitation(token=body.token.get_secret_value()))

    @router.post("/invitations/register", REGISTER, status_code=204, summary="Register and accept an invitation")
    async def register_by_invitation(body: RegisterByInvitationBody, language: PreferredLanguage) -> None:
        token, password = body.token.get_secret_value(), body.password.get_secret_value()
        await bus.execute(RegisterByInvitation(token=token, name=body.name, password=password, language=language))
