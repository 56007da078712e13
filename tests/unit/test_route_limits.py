"""Limits that routes declare: their partitions, plans, the header of the tightest, and declarations that are refused."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import http_sf
import pytest

from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError, ProgrammingError
from api_base.core.protocols import Charge, Limit, Rate
from api_base.core.types import Principal, TenantId, UserId
from api_base.interface.middleware.rate_limit import RequestLimits
from api_base.interface.routes import RouteOptions, Router
from tests.http_harness import GOOD, PRINCIPAL, BurstLimiter, HttpHarness, settings, shell

PATH = "/api/v1/limited"
BEARER = {"authorization": GOOD}


def limited(*limits: Limit, **options: Any) -> Router:
    router = Router()

    @router.get("/limited", RouteOptions(limits=limits, **options))
    async def first() -> None:
        """Answers."""

    @router.get("/limited/{number}", RouteOptions(limits=limits, **options))
    async def second(number: int) -> None:
        del number

    return router


def limit(**changes: Any) -> Limit:
    return Limit(**({"name": "some", "quota": 60, "window": 3600, "burst": 2, "by": "tenant"} | changes))


async def statuses(here: HttpHarness, who: Principal, times: int, path: str = PATH, address: str = "203.0.113.7") -> list[int]:
    here.tokens.who = who
    async with here.client(address) as client:
        return [(await client.get(path, headers=BEARER)).status_code for _ in range(times)]


def fields(value: str) -> tuple[str, Mapping[str, Any]]:
    """The one item of a field, as a list of structured fields [RFC 9651]."""
    ((name, parameters),) = http_sf.parse(value.encode(), tltype="list")
    assert isinstance(name, str)
    return name, parameters


COLLEAGUE = replace(PRINCIPAL, user_id=UserId(uuid4()))
ELSEWHERE = replace(PRINCIPAL, tenant_id=TenantId(uuid4()))
NOWHERE = replace(PRINCIPAL, tenant_id=None)


@pytest.mark.parametrize(
    ("by", "colleague", "elsewhere", "other_route", "other_address"),
    [
        ("tenant", 429, 204, 429, 429),
        ("principal", 204, 204, 429, 429),
        ("route", 429, 204, 204, 429),
        ("address", 429, 429, 429, 204),
    ],
)
async def test_a_limit_counts_by_whom_it_names_and_a_tenant_never_consumes_anothers(
    by: str, colleague: int, elsewhere: int, other_route: int, other_address: int
) -> None:
    here = shell(limited(limit(by=by)))
    assert await statuses(here, PRINCIPAL, 3) == [204, 204, 429]
    assert await statuses(here, COLLEAGUE, 1) == [colleague]
    assert await statuses(here, ELSEWHERE, 1) == [elsewhere]
    assert await statuses(here, PRINCIPAL, 1, path=f"{PATH}/1") == [other_route]
    assert await statuses(here, PRINCIPAL, 1, address="203.0.113.9") == [other_address]


@pytest.mark.parametrize("by", ["principal", "tenant", "route"])
async def test_what_one_tenant_sees_of_a_limit_does_not_depend_on_another(by: str) -> None:
    here = shell(limited(limit(by=by)))
    await statuses(here, PRINCIPAL, 3)
    here.tokens.who = ELSEWHERE
    async with here.client("203.0.113.9") as client:
        seen = await client.get(PATH, headers=BEARER)
    assert seen.headers["ratelimit"] == '"some";r=1;t=12'
    keys = {partition for partition, policy in here.limiter.hits if policy == "some"}
    assert len(keys) == 2


@pytest.mark.parametrize("by", ["principal", "tenant", "route"])
async def test_a_caller_without_a_principal_or_a_tenant_is_limited_too(by: str) -> None:
    here = shell(limited(limit(by=by), auth="optional"))
    async with here.client() as client:
        assert [(await client.get(PATH)).status_code for _ in range(3)] == [204, 204, 429]
    assert await statuses(here, NOWHERE, 3) == [204, 204, 429]


async def test_the_plan_of_the_tenant_chooses_quota_and_burst() -> None:
    here = shell(limited(limit(plans={"pro": (600, 4)})), settings=settings(plans=("standard", "pro")))
    pro = replace(ELSEWHERE, plan="pro")
    assert await statuses(here, replace(PRINCIPAL, plan="standard"), 3) == [204, 204, 429]
    assert await statuses(here, pro, 5) == [204, 204, 204, 204, 429]
    async with here.client() as client:
        assert fields((await client.get(PATH, headers=BEARER)).headers["ratelimit-policy"])[1]["q"] == 600


async def test_a_request_that_costs_more_uses_up_more() -> None:
    here = shell(limited(limit(burst=5, cost=2)))
    assert await statuses(here, PRINCIPAL, 3) == [204, 204, 429]


async def test_the_tightest_of_several_wins_the_header_and_a_refusal_charges_no_other() -> None:
    tight, wide = limit(name="tight", burst=2), limit(name="wide", burst=100, by="principal")
    here = shell(limited(wide, tight))
    here.tokens.who = PRINCIPAL
    async with here.client() as client:
        answers = [await client.get(PATH, headers=BEARER) for _ in range(3)]
    assert [fields(answer.headers["ratelimit"])[0] for answer in answers] == ["tight"] * 3
    assert all(len(answer.headers.get_list(name)) == 1 for answer in answers for name in ("ratelimit", "ratelimit-policy"))
    assert answers[2].json()["violated-policies"] == ["tight"]
    charged = {policy: count for (_, policy), count in here.limiter.hits.items()}
    assert (charged["tight"], charged["wide"]) == (2, 2)


async def test_a_refusal_of_the_callers_limit_charges_no_limit_of_the_address() -> None:
    here = shell(limited(limit(), limit(name="by-address", by="address", burst=100)))
    assert await statuses(here, PRINCIPAL, 5) == [204, 204, 429, 429, 429]
    assert {policy: count for (_, policy), count in here.limiter.hits.items() if count} == {"default": 2, "some": 2, "by-address": 2}


async def test_a_limit_by_route_counts_each_method_by_itself() -> None:
    router, same = Router(), limit(by="route")

    @router.get("/limited", RouteOptions(limits=(same,)))
    async def read() -> None:
        """Answers."""

    @router.delete("/limited", RouteOptions(limits=(same,)), status_code=204)
    async def remove() -> None:
        """Answers."""

    here = shell(router)
    here.tokens.who = PRINCIPAL
    async with here.client() as client:
        made = [
            (await client.request(method, PATH, headers=BEARER)).status_code
            for method in ("GET", "HEAD", "GET", "DELETE", "DELETE", "DELETE")
        ]
    assert made == [204, 204, 429, 204, 204, 429]


async def test_fields_are_structured_and_the_partition_key_names_nobody() -> None:
    here = shell(limited(limit(by="principal")))
    here.tokens.who = PRINCIPAL
    async with here.client() as client:
        answer = await client.get(PATH, headers=BEARER)
        again = await client.get(PATH, headers=BEARER)
    name, policy = fields(answer.headers["ratelimit-policy"])
    assert (name, {key: policy[key] for key in ("q", "w")}) == ("some", {"q": 60, "w": 3600})
    assert list(policy) == ["q", "w", "pk"]
    assert isinstance(policy["pk"], bytes)
    assert len(policy["pk"]) == 12
    assert fields(answer.headers["ratelimit"]) == ("some", {"r": 1, "t": 12})
    assert fields(again.headers["ratelimit-policy"])[1]["pk"] == policy["pk"]
    limits = RequestLimits(BurstLimiter(), settings(), [], b"another installation")
    partition = next(partition for partition, policy in here.limiter.hits if policy == "some")
    assert fields(limits._described(Charge(partition, "some", Rate(60, 3600, 2)))[0][1].decode())[1]["pk"] != policy["pk"]


async def test_reduced_limits_answer_503_with_the_registered_type() -> None:
    here = shell(limited(limit()))
    here.limiter.reduced = True
    here.tokens.who = PRINCIPAL
    async with here.client() as client:
        answers = [await client.get(PATH, headers=BEARER) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [204, 204, 503]
    assert answers[2].json()["type"] == "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
    assert answers[2].json()["violated-policies"] == ["some"]
    assert answers[2].headers["retry-after"] == "4"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quota": 0}, "'some': quota, window and burst of a limit must be above 0, not 0, 3600 and 2"),
        ({"window": 0}, "must be above 0"),
        ({"burst": -1}, "must be above 0"),
        ({"cost": 3}, "at most its burst, not 3"),
        ({"cost": 0}, "at least 1"),
        ({"plans": {"pro": (0, 1)}}, "must be above 0"),
        ({"plans": {"pro": (10, 1)}, "cost": 2}, "at most its burst"),
        ({"plans": {"pro": (10, 1)}, "by": "address"}, "has no plan|before the plan is known"),
        ({"name": 'a";q=1'}, "The name of a limit must be"),
        ({"name": "x" * 33}, "The name of a limit must be"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ProgrammingError, match=reason):
        limit(**changes)


def made(settings: Settings, *limits: Limit) -> None:
    RequestLimits(BurstLimiter(), settings, limits, b"secret")


def test_two_limits_of_one_name_and_unknown_plans_are_refused_at_the_start() -> None:
    made(settings(), limit(), limit())
    with pytest.raises(ProgrammingError, match="Two limits have the name 'some'"):
        made(settings(), limit(), limit(quota=61))
    with pytest.raises(ProgrammingError, match="Two limits have the name 'login'"):
        made(settings(), limit(name="login"))
    with pytest.raises(ConfigurationError, match="The limit 'some' has the plan 'gold', which is not in PLANS"):
        made(settings(), limit(plans={"gold": (1, 2)}))
    with pytest.raises(ConfigurationError, match="'gold'"):
        shell(limited(limit(plans={"gold": (1, 2)})))
