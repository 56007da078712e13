"""Answers that no handler makes carry what every answer carries: ids, security headers, origins and limits.

Whoever makes them: the middlewares, the dispatcher, FastAPI's router, or the outermost middleware after an accident.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import pytest

from api_base.core.errors import Unavailable
from api_base.interface.middleware.audit import AuditMiddleware
from api_base.interface.middleware.auth import AuthMiddleware
from api_base.interface.middleware.cors import CORSMiddleware
from api_base.interface.middleware.http_exchange import RouteMatcher
from api_base.interface.middleware.logging import LoggingMiddleware
from api_base.interface.middleware.rate_limit import RateLimitMiddleware
from api_base.interface.middleware.security_headers import SecurityHeadersMiddleware
from api_base.interface.routes import RouteOptions, Router
from tests.http_harness import GOOD, SECURITY, THING, settings, shell, things, trouble

ONE: Final = f"/api/v1/things/{THING}"
CROSS_ORIGIN: Final = {"access-control-allow-origin": "https://app.test", "vary": "Origin"}


ADDRESS: Final = "203.0.113.7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request and the status of its answer; `limit` is the name of the limit that the answer reports, `used_up` the policy of the address."""

    status: int
    method: str = "GET"
    path: str = ONE
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    limit: str | None = "default"
    used_up: str | None = None
    timeout: float = 5.0


CASES: Final = {
    "preflight": Case(method="OPTIONS", headers={"access-control-request-method": "PATCH"}, status=204, limit=None),
    "no token": Case(path="/api/v1/trouble", status=401),
    "bad token": Case(headers={"authorization": "Bearer bad"}, status=401),
    "sessions cannot be read": Case(headers={"authorization": GOOD}, status=503),
    "forbidden": Case(path="/api/v1/trouble/forbidden", status=403),
    "no route": Case(path="/nothing", status=404),
    "no method": Case(method="PUT", status=405),
    "too large": Case(method="POST", path="/api/v1/things", content=b'{"name": "' + b"x" * 2000 + b'"}', status=413),
    "too many requests": Case(status=429, used_up="default"),
    "too many logins": Case(method="POST", path="/api/v1/things/login", status=429, limit="login", used_up="login"),
    "too many bad tokens": Case(headers={"authorization": "Bearer bad"}, status=429, limit="failed-tokens", used_up="failed-tokens"),
    "unavailable": Case(path="/api/v1/trouble/down", status=503),
    "timeout": Case(path="/api/v1/slow", status=503, timeout=0.01),
    "accident": Case(path="/api/v1/trouble/bug", status=500),
}


def slow() -> Router:
    router = Router()

    @router.get("/slow", RouteOptions(auth="optional"))
    async def wait() -> None:
        await asyncio.Event().wait()

    return router


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
async def test_an_answer_that_no_handler_made_carries_every_common_header(case: Case) -> None:
    server = {"cors_origins": ["https://app.test"], "max_body_bytes": 1024, "request_timeout_seconds": case.timeout}
    here = shell(things(), trouble(), slow(), settings=settings(server=server))
    here.tokens.failure = Unavailable("The database cannot be reached.")
    if case.used_up is not None:
        here.limiter.hits[f"address {ADDRESS}", case.used_up] = 10**6
    async with here.client(ADDRESS) as client:
        answer = await client.request(
            case.method,
            case.path,
            headers={"origin": "https://app.test", "content-type": "application/json", **case.headers},
            content=case.content,
        )
    assert answer.status_code == case.status
    common = {"x-request-id", "traceparent", "access-control-allow-origin", "vary", *SECURITY}
    assert {name: len(answer.headers.get_list(name)) for name in common} == dict.fromkeys(common, 1)
    assert {name: answer.headers[name] for name in SECURITY | CROSS_ORIGIN} == SECURITY | CROSS_ORIGIN
    context = here.recorder.last[0]
    assert (answer.headers["x-request-id"], answer.headers["traceparent"]) == (context.request_id, context.traceparent)
    limits = (answer.headers.get("ratelimit", "").partition(";")[0], answer.headers.get("ratelimit-policy", "").partition(";")[0])
    assert limits == (("", "") if case.limit is None else (f'"{case.limit}"', f'"{case.limit}"'))
    if case.status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    if case.status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == context.request_id


ORDER: Final = (LoggingMiddleware, CORSMiddleware, SecurityHeadersMiddleware, RateLimitMiddleware, AuthMiddleware, AuditMiddleware)
"""As the specification has it. Each relies on those before it: nothing is answered without ids, no 429 without the headers of an origin,
no signature is checked for an address that used up its limit, no refusal is kept without its principal."""


def test_the_middlewares_stand_in_the_order_of_the_specification() -> None:
    here = shell(settings=settings(server={"cors_origins": ["https://app.test"]}))
    first = [one.cls for one in here.app.user_middleware if one.cls is not RouteMatcher]
    assert first[: len(ORDER)] == list(ORDER)


async def test_an_address_that_used_up_its_limit_has_no_token_checked() -> None:
    here = shell(things())
    here.limiter.hits[f"address {ADDRESS}", "default"] = 10**6
    async with here.client(ADDRESS) as client:
        assert (await client.get(ONE, headers={"authorization": GOOD})).status_code == 429
    assert here.tokens.checked == 0


async def test_a_preflight_is_answered_before_any_limit_or_token() -> None:
    here = shell(things(), settings=settings(server={"cors_origins": ["https://app.test"]}))
    here.limiter.hits[f"address {ADDRESS}", "default"] = 10**6
    async with here.client(ADDRESS) as client:
        headers = {"origin": "https://app.test", "access-control-request-method": "GET", "authorization": "Bearer bad"}
        assert (await client.options(ONE, headers=headers)).status_code == 204
    assert here.tokens.checked == 0


async def test_a_401_without_a_token_is_not_charged_to_the_limit_of_bad_tokens() -> None:
    here = shell(things(), trouble(), settings=settings(rate_limit={"failed_tokens": 2}))
    async with here.client() as client:
        anonymous = [(await client.get("/api/v1/trouble")).status_code for _ in range(3)]
        first = await client.get(ONE, headers={"authorization": "Bearer bad"})
        good = await client.get(ONE, headers={"authorization": GOOD})
    assert anonymous == [401, 401, 401]
    assert (first.status_code, good.status_code) == (401, 200)


async def test_only_a_401_is_charged_to_the_limit_of_bad_tokens() -> None:
    here = shell(things(), trouble(), settings=settings(rate_limit={"failed_tokens": 1}))
    async with here.client() as client:
        asked = [(await client.get(path, headers={"authorization": GOOD})).status_code for path in ("/api/v1/trouble/forbidden", ONE, ONE)]
    assert asked == [403, 200, 200]
