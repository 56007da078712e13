"""Keeps refusals in the audit trail: 401, 403, and logins and refreshes however their protocol answers them. What is changed is audited by the unit of work, with this request's address and ids."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.core.errors import ApiBaseError, Unauthenticated
from api_base.core.protocols import AuditStore
from api_base.interface.errors.handlers import problem_of, send_problem
from api_base.interface.middleware.http_exchange import http_exchange_of

INVALID: Final = (b"www-authenticate", b'Bearer realm="api", error="invalid_token"')
"""A token that is not good [RFC 6750, section 3.1]."""


class AuditMiddleware:
    def __init__(self, app: ASGIApp, store: AuditStore[object]) -> None:
        self._app, self._store = app, store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        exchange = http_exchange_of(scope)
        if exchange.refusal is None:
            await self._app(scope, receive, send)
        else:
            await _refuse(scope, send, exchange.refusal)
        refused = exchange.status in (401, 403) or (exchange.context.refusal is not None and exchange.status >= 400)
        if refused and scope["type"] == "http":
            await self._store.refused(exchange.context, scope["method"], exchange.status)


async def _refuse(scope: Scope, send: Send, error: ApiBaseError) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 3000, "reason": "Unauthorized"})
        return
    problem = problem_of(error)
    if problem is None:
        raise error
    await send_problem(scope, send, problem.with_headers([INVALID]) if isinstance(error, Unauthenticated) else problem)
