"""/api/v1/users and /api/v1/auth: the user's profile and password, and the platform's administration of users."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from api_base.application.common.cqrs import Bus
from api_base.application.common.listing import ListRequest, Page
from api_base.application.users.commands.change_password import ChangePassword
from api_base.application.users.commands.set_user_status import SetUserStatus
from api_base.application.users.commands.update_profile import UpdateProfile
from api_base.application.users.dtos import UserDTO
from api_base.application.users.queries import USER_FIELDS, GetProfile, GetUser, ListUsers
from api_base.core.types import UserId
from api_base.domain.users.entities import UserStatus
from api_base.interface.routes import ExpectedVersion, ListQuery, OptionalVersion, RouteOptions, Router
from api_base.interface.v1 import registering
from api_base.interface.v1.bodies.users import ChangePasswordBody, PatchProfileBody

PASSWORD = RouteOptions(
    rate="login", example={"body": {"current_password": "a long enough pass phrase", "new_password": "another long enough phrase"}}
)


def routes(bus: Bus) -> Router:
    router = Router(tags=["users"])
    registering.add_routes(router, bus)

    @router.get("/auth/me", RouteOptions(versioned=True, sparse=True), summary="Read my profile")
    async def me() -> UserDTO:
        return await bus.execute(GetProfile())

    @router.post("/auth/password", PASSWORD, status_code=204, summary="Change my password")
    async def change_password(body: ChangePasswordBody) -> None:
        await bus.execute(ChangePassword(current=body.current_password.get_secret_value(), new=body.new_password.get_secret_value()))

    @router.get("/users/me", RouteOptions(versioned=True, sparse=True), summary="Read my profile")
    async def get_profile() -> UserDTO:
        return await bus.execute(GetProfile())

    @router.patch("/users/me", RouteOptions(versioned=True, example={"body": {"name": "Ana Maria"}}), summary="Update my profile")
    async def update_profile(expected: ExpectedVersion, body: PatchProfileBody) -> UserDTO:
        return await bus.execute(UpdateProfile(expected_version=expected, **body.sent()))

    @router.get(
        "/users",
        RouteOptions(sparse=True, example={"query": "status=active&sort=email&limit=2"}),
        summary="List users (platform administrators)",
    )
    async def list_users(request: Annotated[ListRequest, Depends(ListQuery(USER_FIELDS))]) -> Page[UserDTO]:
        return await bus.execute(ListUsers(request=request))

    @router.get("/users/{id}", RouteOptions(versioned=True, sparse=True), summary="Read a user (platform administrators)")
    async def get_user(id: UUID) -> UserDTO:
        return await bus.execute(GetUser(id=UserId(id)))

    @router.post("/users/{id}/deactivate", RouteOptions(versioned=True), summary="Deactivate a user (platform administrators)")
    async def deactivate_user(id: UUID, expected: OptionalVersion) -> UserDTO:
        return await bus.execute(SetUserStatus(id=UserId(id), expected_version=expected, status=UserStatus.DEACTIVATED))

    @router.post("/users/{id}/reactivate", RouteOptions(versioned=True), summary="Reactivate a user (platform administrators)")
    async def reactivate_user(id: UUID, expected: OptionalVersion) -> UserDTO:
        return await bus.execute(SetUserStatus(id=UserId(id), expected_version=expected, status=UserStatus.ACTIVE))

    return router
