"""Records refusals in the audit trail: 401, 403, and refused logins and refreshes with any status. The unit of work records changes."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.core.errors import ApiBaseError, AuditedRefusal, Forbidden, Unauthenticated
from api_base.core.protocols import AuditStore
from api_base.interface.errors.handlers import problem_of, send_problem
from api_base.interface.middleware.http_exchange import http_exchange_of

INVALID: Final = (b"www-authenticate", b'Bearer realm="api", error="invalid_token"')
"""Challenge for an invalid token [RFC 6750, section 3.1]."""


class AuditMiddleware:
    def __init__(self, app: ASGIApp, store: AuditStore[object]) -> None:
        self._app, self._store = app, store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        exchange = http_exchange_of(scope)
        if exchange.error is None:
            await self._app(scope, receive, send)
        else:
            await _refuse(scope, send, exchange.error)
        status = exchange.status
        if status == 200 and isinstance(exchange.error, Forbidden | Unauthenticated):  # a field of GraphQL was refused
            status = 403 if isinstance(exchange.error, Forbidden) else 401
        if status in (401, 403) or isinstance(exchange.error, AuditedRefusal):
            await self._store.refused(exchange.context, scope["method"], exchange.route, status, exchange.error)


async def _refuse(scope: Scope, send: Send, error: ApiBaseError) -> None:
    problem = problem_of(error)
    if problem is None:
        raise error
    if isinstance(error, Unauthenticated):
        matched = http_exchange_of(scope).matched
        more = b"" if matched is None else matched.challenge
        problem = problem.with_headers([(INVALID[0], INVALID[1] + more)])
    await send_problem(scope, send, problem)
