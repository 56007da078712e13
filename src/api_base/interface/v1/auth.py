"""/api/v1/auth: log in, refresh, switch tenant, list and end sessions, log out."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from api_base.application.auth.commands.log_in import LogIn
from api_base.application.auth.commands.log_out import EndSession, LogOut
from api_base.application.auth.commands.refresh_session import RefreshSession
from api_base.application.auth.commands.switch_tenant import SwitchTenant
from api_base.application.auth.dtos import SessionDTO, TokensDTO
from api_base.application.auth.queries import ListSessions
from api_base.application.common.cqrs import Bus
from api_base.application.common.listing import Page
from api_base.core.types import Err
from api_base.interface.routes import ClientProgram, RouteOptions, Router
from api_base.interface.routes.protocols import ProtocolAnswer
from api_base.interface.routes.results import unwrap
from api_base.interface.v1.bodies.users import LoginBody, LogoutBody, RefreshBody
from api_base.interface.v1.password_form import PASSWORD_FORM, PasswordForm, PasswordGrant, token_error

GRANT = {"grant_type": "password", "username": "ana@example.com", "password": "a long enough pass phrase"}
REFRESH = RouteOptions(public=True, rate="login", example={"body": {"refresh_token": "the refresh token of the login"}})
LOGIN = RouteOptions(public=True, rate="login", example={"body": {"email": "ana@example.com", "password": "a long enough pass phrase"}})


def routes(bus: Bus) -> Router:
    router = Router(tags=["auth"])

    @router.post("/auth/login", LOGIN, summary="Log in with e-mail and password")
    async def login(body: LoginBody, user_agent: ClientProgram) -> TokensDTO:
        password = body.password.get_secret_value()
        return unwrap(await bus.execute(LogIn(email=body.email, password=password, user_agent=user_agent)))

    @router.post(
        "/auth/token",
        RouteOptions(public=True, rate="login", protocol="oauth2", example={"body": GRANT}),
        summary="Log in with the OAuth2 password grant",
        openapi_extra=PASSWORD_FORM,
        response_model=TokensDTO,
    )
    async def token(form: Annotated[PasswordGrant, Depends(PasswordForm())], user_agent: ClientProgram) -> TokensDTO | ProtocolAnswer:
        if form.problem:
            return token_error(form.problem, "Send grant_type=password, username and password as a form.")
        result = await bus.execute(LogIn(email=form.username, password=form.password, user_agent=user_agent))
        return token_error("invalid_grant", str(result.error), result.error) if isinstance(result, Err) else result.value

    @router.post("/auth/refresh", REFRESH, summary="Exchange a refresh token")
    async def refresh(body: RefreshBody) -> TokensDTO:
        return unwrap(await bus.execute(RefreshSession(refresh_token=body.refresh_token.get_secret_value())))

    @router.post(
        "/auth/logout",
        RouteOptions(example={"body": {"everywhere": False}}),
        status_code=204,
        summary="Log out, here or everywhere",
    )
    async def logout(body: LogoutBody) -> None:
        await bus.execute(LogOut(everywhere=body.everywhere))

    @router.get("/auth/sessions", RouteOptions(), summary="List my sessions")
    async def list_sessions() -> Page[SessionDTO]:
        return Page(items=await bus.execute(ListSessions()), next_cursor=None)

    @router.delete("/auth/sessions/{id}", RouteOptions(), status_code=204, summary="End one of my sessions")
    async def end_session(id: UUID) -> None:
        await bus.execute(EndSession(id=id))

    @router.post("/tenants/{id}/switch", RouteOptions(replayable=False), summary="Switch to another tenant")
    async def switch_tenant(id: UUID) -> TokensDTO:
        return await bus.execute(SwitchTenant(tenant_id=id))

    return router
