"""/api/v1/auth/cookie: begin, continue and end a session in cookies. Served if `AUTH__SCHEMES` contains `cookie`.

Each route also requires a page that may use the cookie: otherwise a page of another origin could log a browser in to an account of its own.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends
from starlette.types import Scope

from api_base.application.auth.commands.log_in import LogIn
from api_base.application.auth.commands.log_out import LogOut
from api_base.application.auth.commands.refresh_session import RefreshSession
from api_base.application.auth.dtos import TokensDTO
from api_base.application.common.cqrs import Bus
from api_base.core.types.results import unwrap
from api_base.interface.middleware.page_origins import PageOrigins
from api_base.interface.middleware.page_requests import require_own_page
from api_base.interface.middleware.session_cookie import ACCESS, REFRESH, cookie_value, set_cookie
from api_base.interface.routes import ClientProgram, RouteOptions, Router
from api_base.interface.routes.rendering import ProtocolAnswer
from api_base.interface.v1.bodies.users import LoginBody

_EXAMPLE: Final = {"body": {"email": "ana@example.com", "password": "a long enough pass phrase"}}


@dataclass(frozen=True, slots=True)
class OwnPage:
    """The refresh token in the cookie of a request from a page that may use it; empty without one."""

    pages: PageOrigins

    def resolve(self, scope: Scope) -> str:
        require_own_page(scope, self.pages)
        return cookie_value(scope, REFRESH) or ""

    def __call__(self) -> None:
        """For the documentation."""


def routes(bus: Bus, pages: PageOrigins, *, access_seconds: int, refresh_seconds: int) -> Router:
    """Serve the cookies, which live as long as the tokens in them."""
    router = Router(prefix="/auth/cookie", tags=["auth"])
    guard = Depends(OwnPage(pages))

    def kept(tokens: TokensDTO) -> ProtocolAnswer:
        headers = [set_cookie(ACCESS, tokens.access_token, access_seconds)]
        if tokens.refresh_token is not None:  # otherwise the present one stays valid
            headers.append(set_cookie(REFRESH, tokens.refresh_token, refresh_seconds))
        return ProtocolAnswer(status=204, content=None, headers=headers)

    @router.post(
        "",
        RouteOptions(auth="ignored", rate="login", replayable=False, example=_EXAMPLE),
        status_code=204,
        summary="Log in, with the session in cookies",
        response_model=None,
    )
    async def begin_cookie_session(body: LoginBody, page: Annotated[str, guard], user_agent: ClientProgram) -> ProtocolAnswer:
        del page
        command = LogIn(email=body.email, password=body.password.get_secret_value(), user_agent=user_agent)
        return kept(unwrap(await bus.execute(command)))

    @router.post(
        "/refresh",
        RouteOptions(auth="ignored", rate="login", replayable=False),
        status_code=204,
        summary="Continue the session in cookies",
        response_model=None,
    )
    async def continue_cookie_session(refresh_token: Annotated[str, guard]) -> ProtocolAnswer:
        return kept(unwrap(await bus.execute(RefreshSession(refresh_token=refresh_token))))

    @router.delete("", RouteOptions(replayable=False), status_code=204, summary="Log out, and remove the cookies", response_model=None)
    async def end_cookie_session(page: Annotated[str, guard]) -> ProtocolAnswer:
        del page
        await bus.execute(LogOut())
        return ProtocolAnswer(status=204, content=None, headers=[set_cookie(ACCESS, "", 0), set_cookie(REFRESH, "", 0)])

    return router
