"""Limits requests by address before any signature is checked: stricter for logins, and by failed tokens.

`RateLimit-Policy` and `RateLimit` show the remaining quota [draft-ietf-httpapi-ratelimit-headers]. Health and metrics have no limit.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.core.errors import TooManyRequests
from api_base.core.protocols import Limit, RateDecision, RateLimiter
from api_base.core.shared.addresses import limit_key
from api_base.interface.errors.handlers import send_error
from api_base.interface.middleware.http_exchange import http_exchange_of


class RateLimitMiddleware:
    """`default` applies to every request, `login` in addition to routes with `rate="login"`, `failed` to bad tokens."""

    def __init__(
        self,
        app: ASGIApp,
        limiter: RateLimiter,
        default: Limit,
        failed: Limit,
        login: Limit,
        exempt: tuple[str, ...],
    ) -> None:
        self._app, self._limiter = app, limiter
        self._default, self._failed, self._login, self._exempt = default, failed, login, exempt
        self._policy = {limit: f'"{limit.name}";q={limit.quota};w={limit.window:g}'.encode() for limit in (default, failed, login)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(self._exempt):
            await self._app(scope, receive, send)
            return
        exchange = http_exchange_of(scope)
        address = limit_key(exchange.context.address)
        decision, limit = await self._limiter.hit(address, self._default), self._default
        matched = exchange.matched
        if decision.allowed and matched is not None and matched.route is not None and matched.route.login:
            decision, limit = await self._limiter.hit(f"{self._login.name} {address}", self._login), self._login
        if decision.allowed and exchange.authorization is not None:
            failed = await self._limiter.peek(f"failed {address}", self._failed)
            if not failed.allowed:
                decision, limit = failed, self._failed
        exchange.added += self._headers(decision, limit)
        if not decision.allowed:
            wait = decision.retry_after
            await send_error(scope, send, TooManyRequests(f"Too many requests from this address. Wait {wait:.1f} s.", retry_after=wait))
            return
        await self._app(scope, receive, send)
        if exchange.status == 401 and exchange.authorization is not None:
            await self._limiter.hit(f"failed {address}", self._failed)

    def _headers(self, decision: RateDecision, limit: Limit) -> tuple[tuple[bytes, bytes], ...]:
        left = b'"%b";r=%d;t=%d' % (limit.name.encode(), decision.remaining, int(decision.reset + 0.999))
        return (b"ratelimit-policy", self._policy[limit]), (b"ratelimit", left)
