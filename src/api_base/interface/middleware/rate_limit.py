"""Limits requests by address before any signature is checked: stricter for logins, and by failed tokens. Routes and messages declare others.

`RateLimit-Policy` and `RateLimit` show the limit with the least left [draft-ietf-httpapi-ratelimit-headers-11]. Health and metrics have no limit.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.core.config import Settings
from api_base.core.errors import TooManyRequests
from api_base.core.protocols import Charge, Limit, LimitReport, RateDecision, RateLimiter, RateState, address_partition, check_limits
from api_base.interface.errors.handlers import send_error
from api_base.interface.middleware.http_exchange import HttpExchange, current_exchange, http_exchange_of

type Header = tuple[bytes, bytes]
_POLICY, _LEFT = b"ratelimit-policy", b"ratelimit"


class RequestLimits:
    """The limits of the settings and those that routes declare. `secret` keys the hashes that name a partition in headers.

    Raises `ProgrammingError` if two limits have the same name, and `ConfigurationError` for a plan that PLANS does not contain.
    """

    def __init__(self, limiter: RateLimiter, settings: Settings, declared: Iterable[Limit], secret: bytes) -> None:
        chosen = settings.rate_limit
        self._limiter = limiter
        self._default = Limit(name="default", quota=chosen.requests, window=60, burst=chosen.burst)
        self._failed = Limit(name="failed-tokens", quota=chosen.failed_tokens, window=60, burst=chosen.failed_tokens)
        self._login = Limit(name="login", quota=chosen.login_requests, window=60, burst=chosen.login_burst)
        check_limits((self._default, self._failed, self._login, *declared), settings.plans)

        self._of = lru_cache(maxsize=4096)(self._charges)
        self._policy = lru_cache(maxsize=4096)(self._described)
        self._secret = secret

    async def of_address(self, exchange: HttpExchange) -> TooManyRequests | None:
        """Charge what counts by address. Return the refusal."""
        charges = self._by_address(exchange)
        decision = await self._limiter.hit(charges)
        self.show(exchange, charges, decision)
        return None if decision[0] else decision.refusal("Too many requests.", charges)

    def _by_address(self, exchange: HttpExchange) -> Sequence[Charge]:
        address = exchange.context.address
        default, login, failed = self._of(address)
        matched, authorized = exchange.matched, exchange.presented is not None
        if matched is None or (route := matched.route) is None or not (route.login or route.limits):
            return (default, failed) if authorized else (default,)
        charges = [default, login] if route.login else [default]
        charges += [one.charge(None, address, "") for one in route.limits if one.by == "address"]
        if authorized:
            charges.append(failed)
        return charges

    async def of_caller(self, exchange: HttpExchange, route: str, limits: Sequence[Limit]) -> TooManyRequests | None:
        """Charge those of `limits` that count by the caller, who is known by now. A refusal, which is returned, gives back what counted by address.

        `route` is the method and the path template.
        """
        principal, address = exchange.context.principal, exchange.context.address
        charges = [limit.charge(principal, address, route) for limit in limits if limit.by != "address"]
        if not charges:
            return None
        decision = await self._limiter.hit(charges)
        self.show(exchange, charges, decision)
        if decision.allowed:
            return None
        await self._limiter.hit([one._replace(cost=-one.cost) for one in self._by_address(exchange) if not one.checked])
        return decision.refusal("Too many requests.", charges)

    async def token_failed(self, exchange: HttpExchange) -> None:
        """Charge a request whose token was refused."""
        await self.failed_token(exchange.context.address)

    async def refused_tokens(self, address: str) -> TooManyRequests | None:
        """Return the refusal of an address whose tokens failed too often, for tokens that come in messages."""
        charges = [self._of(address)[2]]
        decision = await self._limiter.hit(charges)
        return None if decision.allowed else decision.refusal("Too many tokens were refused.", charges)

    async def failed_token(self, address: str) -> None:
        """Charge a token that was refused."""
        await self._limiter.hit([self._of(address)[2]._replace(checked=False)])

    async def message(self, address: str) -> None:
        """Charge a request that comes in a message as one over HTTP. Raises `TooManyRequests`."""
        charges = [self._of(address)[0]]
        decision = await self._limiter.hit(charges)
        if not decision.allowed:
            raise decision.refusal("Too many requests.", charges)

    def _charges(self, address: str) -> tuple[Charge, Charge, Charge]:
        """Return the charges of an address: for any request, for a login, and, only checked, for a failed token."""
        one = address_partition(address)
        failed = Charge(one, self._failed.name, self._failed.rate, checked=True)
        return Charge(one, self._default.name, self._default.rate), Charge(one, self._login.name, self._login.rate), failed

    def show(self, exchange: HttpExchange, charges: Sequence[Charge], decision: RateDecision) -> None:
        """Write the fields of the answer, if one of `charges` has less left than those that were decided before."""
        tightest, shown, least, states = None, None, exchange.quota_left, iter(decision[1])
        for charge in charges:
            state = next(states)
            if not state[0]:
                left = -state[3]
            elif charge[4]:
                continue  # only checked
            else:
                left = state[1] / charge[2].burst
            if left < least:
                tightest, shown, least = charge, state, left
        if tightest is not None and shown is not None:
            added = exchange.added
            if exchange.quota_left <= 1:
                added = exchange.added = [one for one in added if one[0] not in (_POLICY, _LEFT)]
            exchange.quota_left = least
            policy, name, untouched = self._policy(tightest)
            added += policy, untouched if shown is tightest[2].untouched else _left(name, shown)

    def _described(self, charge: Charge) -> tuple[Header, bytes, Header]:
        """Return the field of a policy, with a keyed hash of the partition, which names nobody; its quoted name; the field of its first charge."""
        name, rate = f'"{charge.policy}"'.encode(), charge.rate
        key = b64encode(blake2b(charge.partition.encode("utf-8", "surrogatepass"), digest_size=12, key=self._secret).digest())
        return (_POLICY, b"%b;q=%d;w=%d;pk=:%b:" % (name, rate.quota, rate.window, key)), name, _left(name, rate.untouched)


def _left(name: bytes, state: RateState) -> Header:
    return _LEFT, b"%b;r=%d;t=%d" % (name, state[1], int(state[2] + 0.999))


class HttpLimitReport(LimitReport):
    def decided(self, charges: Sequence[Charge], decision: RateDecision) -> None:
        exchange = current_exchange.get(None)
        if exchange is not None and exchange.limits is not None:
            exchange.limits.show(exchange, charges, decision)


class RateLimitMiddleware:
    """Refuses requests beyond a limit of their address."""

    def __init__(self, app: ASGIApp, limits: RequestLimits, exempt: tuple[str, ...]) -> None:
        self._app, self._limits, self._exempt = app, limits, exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(self._exempt):
            await self._app(scope, receive, send)
            return
        exchange = http_exchange_of(scope)
        refusal = await self._limits.of_address(exchange)
        if refusal is not None:
            await send_error(scope, send, refusal)
            return
        exchange.limits = self._limits
        await self._app(scope, receive, send)
        if exchange.status == 401 and exchange.presented is not None:
            await self._limits.token_failed(exchange)
