"""Limits that messages declare: they count for each protocol, in the partitions of routes, and are shown with those of routes."""

from dataclasses import dataclass, replace
from uuid import uuid4

import pytest

from api_base.application.common.cqrs import AUTHENTICATED, Bus, Query, on
from api_base.application.common.middleware.limits import LimitsMiddleware
from api_base.core.errors import TooManyRequests
from api_base.core.protocols import Limit
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from api_base.interface.middleware.rate_limit import HttpLimitReport
from api_base.interface.routes import RouteOptions, Router
from tests.http_harness import GOOD, PRINCIPAL, BurstLimiter, HttpHarness, shell

PATH = "/api/v1/costly"
BEARER = {"authorization": GOOD}
COLLEAGUE = replace(PRINCIPAL, user_id=UserId(uuid4()))
ELSEWHERE = replace(PRINCIPAL, tenant_id=TenantId(uuid4()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Costly(Query[int]):
    permission = AUTHENTICATED
    limits = (Limit(name="costly", quota=60, window=3600, burst=2, by="tenant", plans={"pro": (600, 4)}),)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerUser(Query[int]):
    permission = AUTHENTICATED
    limits = (
        Limit(name="per-user", quota=60, window=3600, burst=1, by="principal"),
        Limit(name="for-all", quota=60, window=3600, burst=100, by="tenant"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Free(Query[int]):
    permission = AUTHENTICATED


class Handler:
    async def handle(self, query: Query[int]) -> int:
        return 7


def bus_on(limiter: BurstLimiter) -> Bus:
    bus = Bus([LimitsMiddleware(limiter, HttpLimitReport())])
    bus.add([on(kind, Handler()) for kind in (Costly, PerUser, Free)])
    return bus


@pytest.fixture
def here() -> HttpHarness:
    router = Router()

    @router.get("/costly", RouteOptions())
    async def costly() -> int:
        return await bus.execute(Costly())

    made = shell(router)
    bus = bus_on(made.limiter)
    return made


async def test_a_refusal_answers_as_one_of_a_route(here: HttpHarness) -> None:
    here.tokens.who = PRINCIPAL
    async with here.client() as client:
        answers = [await client.get(PATH, headers=BEARER) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["ratelimit"] for answer in answers] == ['"costly";r=1;t=12', '"costly";r=0;t=12', '"costly";r=0;t=12']
    assert answers[2].headers["retry-after"] == "4"
    assert answers[2].json()["violated-policies"] == ["costly"]
    assert all(len(answer.headers.get_list(name)) == 1 for answer in answers for name in ("ratelimit", "ratelimit-policy"))


async def test_a_tenant_consumes_no_limit_of_another(here: HttpHarness) -> None:
    seen = []
    for who in (PRINCIPAL, COLLEAGUE, PRINCIPAL, ELSEWHERE):
        here.tokens.who = who
        async with here.client() as client:
            seen.append((await client.get(PATH, headers=BEARER)).status_code)
    assert seen == [200, 200, 429, 200]


def act_as(principal: Principal | None, address: str = "203.0.113.7") -> None:
    current_context.set(RequestContext(request_id="test", address=address, principal=principal))


async def test_the_plan_of_the_tenant_chooses_the_burst() -> None:
    bus = bus_on(BurstLimiter())
    act_as(replace(PRINCIPAL, plan="pro"))
    for _ in range(4):
        assert await bus.execute(Costly()) == 7
    with pytest.raises(TooManyRequests):
        await bus.execute(Costly())


async def test_several_limits_apply_and_a_refusal_charges_none() -> None:
    limiter = BurstLimiter()
    bus = bus_on(limiter)
    act_as(PRINCIPAL)
    assert await bus.execute(PerUser()) == 7
    with pytest.raises(TooManyRequests):
        await bus.execute(PerUser())
    act_as(COLLEAGUE)
    assert await bus.execute(PerUser()) == 7
    assert {policy: count for (partition, policy), count in limiter.hits.items() if policy == "for-all"} == {"for-all": 2}


async def test_work_without_a_client_and_messages_without_limits_are_not_charged() -> None:
    limiter = BurstLimiter()
    bus = bus_on(limiter)
    act_as(PRINCIPAL, address="")
    for _ in range(9):
        assert await bus.execute(Costly()) == 7
    act_as(PRINCIPAL)
    assert await bus.execute(Free()) == 7
    assert limiter.hits == {}
