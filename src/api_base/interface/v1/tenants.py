"""/api/v1/tenants: the user's tenants, their members and roles."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from api_base.application.common.cqrs import Bus
from api_base.application.common.importing.start_import import StartedImportDTO
from api_base.application.common.listing import ListRequest, Page
from api_base.application.tenants.commands.add_member import AddMember
from api_base.application.tenants.commands.change_member_role import ChangeMemberRole
from api_base.application.tenants.commands.change_plan import ChangePlan
from api_base.application.tenants.commands.change_public_pages import ChangePublicPages
from api_base.application.tenants.commands.create_tenant import CreateTenant
from api_base.application.tenants.commands.import_members import MEMBER_SCHEMA, StartMemberImport
from api_base.application.tenants.commands.remove_member import LeaveTenant, RemoveMember
from api_base.application.tenants.commands.rename_tenant import RenameTenant
from api_base.application.tenants.dtos import MemberDTO, MyTenantDTO, TenantDTO
from api_base.application.tenants.queries import MEMBER_FIELDS, GetTenant, ListMembers, ListMyTenants
from api_base.core.types import TenantId, UserId
from api_base.interface.routes import ExpectedVersion, ListQuery, OptionalVersion, RouteOptions, Router
from api_base.interface.v1 import invitations
from api_base.interface.v1.bodies.imports import IMPORT_EXAMPLE, ImportBody, mapping_of
from api_base.interface.v1.bodies.tenants import (
    AddMemberBody,
    ChangePlanBody,
    ChangePublicPagesBody,
    CreateTenantBody,
    PatchMemberBody,
    PatchTenantBody,
)


def routes(bus: Bus) -> Router:
    router = Router(prefix="/tenants", tags=["tenants"])
    invitations.add_routes(router, bus)

    @router.post(
        "",
        RouteOptions(versioned=True, location="./tenants/{id}", example={"body": {"name": "Acme", "slug": "acme"}}),
        status_code=201,
        summary="Create a tenant",
    )
    async def create_tenant(body: CreateTenantBody) -> TenantDTO:
        return await bus.execute(CreateTenant(name=body.name, slug=body.slug))

    @router.get("", RouteOptions(), summary="List my tenants")
    async def list_my_tenants() -> Page[MyTenantDTO]:
        return Page(items=await bus.execute(ListMyTenants()), next_cursor=None)

    @router.get("/{id}", RouteOptions(versioned=True, sparse=True, query=GetTenant), summary="Read the token's tenant")
    async def get_tenant(id: UUID) -> TenantDTO:
        return await bus.execute(GetTenant(id=id))

    @router.patch("/{id}", RouteOptions(versioned=True, example={"body": {"name": "Acme Ltd"}}), summary="Rename the token's tenant")
    async def rename_tenant(id: UUID, expected: ExpectedVersion, body: PatchTenantBody) -> TenantDTO:
        return await bus.execute(RenameTenant(id=id, expected_version=expected, name=body.sent().get("name")))

    @router.post(
        "/{id}/plan",
        RouteOptions(versioned=True, example={"body": {"plan": "standard"}}),
        summary="Change the plan (platform administrators)",
    )
    async def change_plan(id: UUID, expected: OptionalVersion, body: ChangePlanBody) -> TenantDTO:
        return await bus.execute(ChangePlan(id=TenantId(id), expected_version=expected, plan=body.plan))

    @router.post(
        "/{id}/public-pages",
        RouteOptions(versioned=True, example={"body": {"public_pages": True}}),
        summary="Let anybody read what the tenant has published, or end that",
    )
    async def change_public_pages(id: UUID, expected: OptionalVersion, body: ChangePublicPagesBody) -> TenantDTO:
        return await bus.execute(ChangePublicPages(id=id, expected_version=expected, public_pages=body.public_pages))

    @router.post("/{id}/leave", RouteOptions(), status_code=204, summary="Leave the tenant")
    async def leave_tenant(id: UUID) -> None:
        await bus.execute(LeaveTenant(tenant_id=id))

    _members(router, bus)
    return router


def _members(router: Router, bus: Bus) -> None:
    @router.get(
        "/{id}/members",
        RouteOptions(sparse=True, query=ListMembers, example={"query": "role=owner&sort=-created_at&limit=2"}),
        summary="List the members",
    )
    async def list_members(id: UUID, request: Annotated[ListRequest, Depends(ListQuery(MEMBER_FIELDS))]) -> Page[MemberDTO]:
        return await bus.execute(ListMembers(tenant_id=id, request=request))

    @router.post(
        "/{id}/members",
        RouteOptions(
            versioned=True, rate="login", example={"body": {"email": "bo@example.com", "role": "member"}}
        ),  # a way to test addresses, so it has the limit of logins
        status_code=201,
        summary="Add a user as a member",
    )
    async def add_member(id: UUID, body: AddMemberBody) -> MemberDTO:
        return await bus.execute(AddMember(tenant_id=id, email=body.email, role=body.role))

    @router.post(
        "/{id}/members/imports",
        RouteOptions(
            location="/api/{version}/jobs/{job_id}", rate="login", example=IMPORT_EXAMPLE
        ),  # a way to test addresses, so it has the limit of logins
        status_code=202,
        summary="Import members from a file",
        description=mapping_of(MEMBER_SCHEMA),
    )
    async def import_members(id: UUID, body: ImportBody) -> StartedImportDTO:
        return await bus.execute(StartMemberImport(tenant_id=id, **body.command()))

    @router.patch(
        "/{id}/members/{user_id}", RouteOptions(versioned=True, example={"body": {"role": "viewer"}}), summary="Change a member's role"
    )
    async def change_member_role(id: UUID, user_id: UUID, expected: ExpectedVersion, body: PatchMemberBody) -> MemberDTO:
        return await bus.execute(ChangeMemberRole(tenant_id=id, user_id=UserId(user_id), expected_version=expected, role=body.role))

    @router.delete("/{id}/members/{user_id}", RouteOptions(), status_code=204, summary="Remove a member")
    async def remove_member(id: UUID, user_id: UUID, expected: ExpectedVersion) -> None:
        await bus.execute(RemoveMember(tenant_id=id, user_id=UserId(user_id), expected_version=expected))
