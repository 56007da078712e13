"""/api/v1/auth/register and /auth/password: routes for users who are not authenticated.

No response reveals whether an address is known, unless registration is open.
"""

from api_base.application.common.cqrs import Bus
from api_base.application.users.commands.confirm_registration import ConfirmRegistration
from api_base.application.users.commands.register_user import RegisterUser
from api_base.application.users.commands.request_password_reset import RequestPasswordReset
from api_base.application.users.commands.reset_password import ResetPassword
from api_base.application.users.dtos import RegistrationDTO
from api_base.interface.routes import PreferredLanguage, RouteOptions, Router
from api_base.interface.v1.bodies.users import ForgottenPasswordBody, NewPasswordBody, RegisterBody

REGISTER = RouteOptions(
    public=True, rate="login", example={"body": {"email": "ana@example.com", "name": "Ana", "password": "a long enough pass phrase"}}
)

FORGOTTEN = RouteOptions(public=True, rate="login", example={"body": {"email": "ana@example.com"}})
NEW_PASSWORD = RouteOptions(
    public=True, rate="login", example={"body": {"token": "the token of the link", "password": "another long enough phrase"}}
)


def add_routes(router: Router, bus: Bus) -> None:
    """Add the routes of registration and password resets to those of users."""

    @router.post("/auth/register", REGISTER, status_code=201, summary="Register")
    async def register(body: RegisterBody, language: PreferredLanguage) -> RegistrationDTO:
        password = None if body.password is None else body.password.get_secret_value()
        return await bus.execute(RegisterUser(email=body.email, name=body.name, password=password, language=language))

    @router.post("/auth/register/confirm", NEW_PASSWORD, status_code=204, summary="Confirm a registered address, and choose the password")
    async def confirm_registration(body: NewPasswordBody) -> None:
        await bus.execute(ConfirmRegistration(token=body.token.get_secret_value(), password=body.password.get_secret_value()))

    @router.post("/auth/password/forgotten", FORGOTTEN, status_code=204, summary="Request a password reset link")
    async def request_password_reset(body: ForgottenPasswordBody) -> None:
        await bus.execute(RequestPasswordReset(email=body.email))

    @router.post("/auth/password/reset", NEW_PASSWORD, status_code=204, summary="Set a new password by the link")
    async def reset_password(body: NewPasswordBody) -> None:
        await bus.execute(ResetPassword(token=body.token.get_secret_value(), password=body.password.get_secret_value()))
