"""/api/v1/auth: log in, refresh, switch tenant, list and end sessions, log out.

/docs logs in by the resource owner password credentials grant [RFC 6749, section 4.3]; its errors follow section 5.2 of that RFC.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import Depends
from starlette.types import Receive, Scope

from api_base.application.auth.commands.log_in import LogIn
from api_base.application.auth.commands.log_out import EndSession, LogOut
from api_base.application.auth.commands.refresh_session import RefreshSession
from api_base.application.auth.commands.switch_tenant import SwitchTenant
from api_base.application.auth.dtos import SessionDTO, TokensDTO
from api_base.application.auth.queries import ListSessions
from api_base.application.common.cqrs import Bus
from api_base.application.common.listing import Page
from api_base.core.errors import ApiBaseError
from api_base.core.types import Err
from api_base.core.types.results import unwrap
from api_base.interface.routes import ClientProgram, RouteOptions, Router
from api_base.interface.routes import body as bodies
from api_base.interface.routes.rendering import ProtocolAnswer
from api_base.interface.v1.bodies.users import LoginBody, LogoutBody, RefreshBody

MAX_LENGTH: Final = 1024
MAX_FORM_BYTES: Final = 32_768
"""Each field in UTF-8 with every byte as `%41`, and some more."""

PASSWORD_FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "title": "PasswordGrant",
                    "required": ["grant_type", "username", "password"],
                    "properties": {
                        "grant_type": {"type": "string", "const": "password"},
                        "username": {"type": "string", "description": "The e-mail address.", "maxLength": 254},
                        "password": {"type": "string", "format": "password", "maxLength": MAX_LENGTH},
                        "scope": {"type": "string", "description": "Ignored: roles decide about permissions."},
                    },
                }
            }
        },
    }
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordGrant:
    """`problem` is the error code of an invalid request, or empty."""

    username: str
    password: str = field(repr=False)
    problem: str


class PasswordForm:
    """Reads the grant from the body."""

    async def read(self, scope: Scope, receive: Receive, limit: int) -> PasswordGrant:
        raw = await bodies.read(scope, receive, limit, bodies.FORM)
        try:
            pairs = parse_qsl(raw.decode("ascii"), max_num_fields=10, errors="strict")
        except ValueError:
            pairs = []
        form = dict(pairs)
        if len(form) < len(pairs):  # a parameter must not be repeated [RFC 6749, section 3.2]
            form = {}
        return PasswordGrant(username=form.get("username", ""), password=form.get("password", ""), problem=_problem(form))

    def __call__(self) -> None:
        """Declares the parameter for FastAPI's document, which `PASSWORD_FORM` completes."""


def _problem(form: dict[str, str]) -> str:
    if form.get("grant_type") != "password":
        return "unsupported_grant_type" if "grant_type" in form else "invalid_request"
    credentials = form.get("username", ""), form.get("password", "")
    return "" if all(0 < len(text) <= MAX_LENGTH and "\0" not in text for text in credentials) else "invalid_request"


def token_error(code: str, description: str, error: ApiBaseError | None = None) -> ProtocolAnswer:
    """An error response [RFC 6749, section 5.2], caused by `error`."""
    return ProtocolAnswer(status=400, content={"error": code, "error_description": description}, error=error)


GRANT = {"grant_type": "password", "username": "ana@example.com", "password": "a long enough pass phrase"}
REFRESH = RouteOptions(auth="ignored", rate="login", example={"body": {"refresh_token": "the refresh token of the login"}})
LOGIN = RouteOptions(auth="ignored", rate="login", example={"body": {"email": "ana@example.com", "password": "a long enough pass phrase"}})


def routes(bus: Bus) -> Router:
    router = Router(tags=["auth"])

    @router.post("/auth/login", LOGIN, summary="Log in with e-mail and password")
    async def login(body: LoginBody, user_agent: ClientProgram) -> TokensDTO:
        password = body.password.get_secret_value()
        return unwrap(await bus.execute(LogIn(email=body.email, password=password, user_agent=user_agent)))

    @router.post(
        "/auth/token",
        RouteOptions(auth="ignored", rate="login", protocol="oauth2", body_limit=MAX_FORM_BYTES, example={"body": GRANT}),
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
