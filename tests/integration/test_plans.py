"""The plan of a tenant: who changes it, which names it may have, and who sees it."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on

PLANS = ("standard", "pro")


@pytest_asyncio.fixture
async def api(migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(migrated).model_copy(update={"plans": PLANS})) as opened:
        yield opened


async def change(api: Running, who: Person, tenant: object, plan: str = "pro", **headers: str) -> int:
    answer = await api.client.post(f"/api/v1/tenants/{tenant}/plan", json={"plan": plan}, headers=who.headers | headers)
    return answer.status_code


async def plan_of(api: Running, who: Person) -> tuple[str, str]:
    """The plan, and the entity tag of the tenant."""
    answer = await api.client.get(f"/api/v1/tenants/{who.tenant_id}", headers=who.headers)
    return answer.json()["plan"], answer.headers["etag"]


async def test_an_administrator_of_the_platform_changes_the_plan_and_nobody_else(api: Running) -> None:
    owner, other, admin = await api.person(), await api.person(), await api.person(platform_admin=True)
    plan, tag = await plan_of(api, owner)
    assert plan == "standard"
    assert await change(api, owner, owner.tenant_id) == await change(api, other, owner.tenant_id) == 403
    assert await change(api, admin, owner.tenant_id, "gold") == 422
    assert await change(api, admin, uuid4()) == 404
    assert await change(api, admin, owner.tenant_id, **{"If-Match": '"7"'}) == 412
    assert await plan_of(api, owner) == (plan, tag)
    assert await change(api, admin, owner.tenant_id, **{"If-Match": tag}) == 200
    assert [(await plan_of(api, who))[0] for who in (owner, other)] == ["pro", "standard"]


async def test_a_changed_plan_is_in_the_trail_of_the_tenant(api: Running) -> None:
    owner, admin = await api.person(), await api.person(platform_admin=True)
    await change(api, admin, owner.tenant_id)
    records = (await api.client.get(f"/api/v1/audit?entity_id={owner.tenant_id}", headers=owner.headers)).json()["items"]
    (changed,) = [one for one in records if one["action"] == "tenant.updated"]
    assert changed["actor_id"] == str(admin.id)
    assert (changed["before"]["plan"], changed["after"]["plan"]) == ("standard", "pro")
