"""/api/v1/users and /api/v1/auth: registration, the user's profile and password, and the platform's administration of users."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from api_base.application.common.cqrs import Bus
from api_base.application.common.listing import ListRequest, Page
from api_base.application.users.commands.change_password import ChangePassword
from api_base.application.users.commands.confirm_registration import ConfirmRegistration
from api_base.application.users.commands.register_user import RegisterUser
from api_base.application.users.commands.request_password_reset import RequestPasswordReset
from api_base.application.users.commands.reset_password import ResetPassword
from api_base.application.users.commands.set_user_status import SetUserStatus
from api_base.application.users.commands.update_profile import UpdateProfile
from api_base.application.users.dtos import RegistrationDTO, UserDTO
from api_base.application.users.queries import USER_FIELDS, GetProfile, GetUser, ListUsers
from api_base.core.types import UserId
from api_base.domain.users.entities import UserStatus
from api_base.interface.routes import ExpectedVersion, ListQuery, OptionalVersion, PreferredLanguage, RouteOptions, Router
from api_base.interface.v1.bodies import users as bodies

PASSWORD = RouteOptions(
    rate="login", example={"body": {"current_password": "a long enough pass phrase", "new_password": "another long enough phrase"}}
)


def routes(bus: Bus) -> Router:
    router = Router(tags=["users"])
    _anonymous(router, bus)

    @router.get("/auth/me", RouteOptions(versioned=True, sparse=True), summary="Read my profile")
    async def me() -> UserDTO:
        return await bus.execute(GetProfile())

    @router.post("/auth/password", PASSWORD, status_code=204, summary="Change my password")
    async def change_password(body: bodies.ChangePasswordBody) -> None:
        await bus.execute(ChangePassword(current=body.current_password.get_secret_value(), new=body.new_password.get_secret_value()))

    @router.get("/users/me", RouteOptions(versioned=True, sparse=True), summary="Read my profile")
    async def get_profile() -> UserDTO:
        return await bus.execute(GetProfile())

    @router.patch("/users/me", RouteOptions(versioned=True, example={"body": {"name": "Ana Maria"}}), summary="Update my profile")
    async def update_profile(expected: ExpectedVersion, body: bodies.PatchProfileBody) -> UserDTO:
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


REGISTER = RouteOptions(
    public=True, rate="login", example={"body": {"email": "ana@example.com", "name": "Ana", "password": "a long enough pass phrase"}}
)

FORGOTTEN = RouteOptions(public=True, rate="login", example={"body": {"email": "ana@example.com"}})
NEW_PASSWORD = RouteOptions(
    public=True, rate="login", example={"body": {"token": "the token of the link", "password": "another long enough phrase"}}
)


def _anonymous(router: Router, bus: Bus) -> None:
    """Routes for users who are not authenticated. No response reveals whether an address is known, unless registration is open."""

    @router.post("/auth/register", REGISTER, status_code=201, summary="Register")
    async def register(body: bodies.RegisterBody, language: PreferredLanguage) -> RegistrationDTO:
        password = None if body.password is None else body.password.get_secret_value()
        return await bus.execute(RegisterUser(email=body.email, name=body.name, password=password, language=language))

    @router.post("/auth/register/confirm", NEW_PASSWORD, status_code=204, summary="Confirm a registered address, and choose the password")
    async def confirm_registration(body: bodies.NewPasswordBody) -> None:
        await bus.execute(ConfirmRegistration(token=body.token.get_secret_value(), password=body.password.get_secret_value()))

    @router.post("/auth/password/forgotten", FORGOTTEN, status_code=204, summary="Request a password reset link")
    async def request_password_reset(body: bodies.ForgottenPasswordBody) -> None:
        await bus.execute(RequestPasswordReset(email=body.email))

    @router.post("/auth/password/reset", NEW_PASSWORD, status_code=204, summary="Set a new password by the link")
    async def reset_password(body: bodies.NewPasswordBody) -> None:
        await bus.execute(ResetPassword(token=body.token.get_secret_value(), password=body.password.get_secret_value()))
