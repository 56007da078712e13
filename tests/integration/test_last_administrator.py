"""The platform keeps an active administrator, also when the last two deactivate each other at the same time."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROUNDS = 10


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated)) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def two(api: Running, shared_migrated: Urls) -> tuple[Person, Person]:
    """The only two active administrators."""
    owner = await asyncpg.connect(shared_migrated.owner)
    await owner.execute("update users set status = 'deactivated' where id in (select user_id from platform_administrators)")
    await owner.close()
    return await api.person(platform_admin=True), await api.person(platform_admin=True)


async def deactivate(api: Running, admin: Person, other: Person) -> int:
    return (await api.client.post(f"/api/v1/users/{other.id}/deactivate", headers=admin.headers)).status_code


async def test_the_last_administrator_deactivates_everybody_but_that_one(api: Running, two: tuple[Person, Person]) -> None:
    admin, other = two
    assert await deactivate(api, admin, await api.person()) == 200
    assert await deactivate(api, admin, other) == 200
    assert await deactivate(api, admin, admin) == 409
    assert await deactivate(api, admin, await api.person()) == 200


@pytest.mark.parametrize("itself", [False, True], ids=["each other", "themselves"])
@pytest.mark.parametrize("_", range(ROUNDS))
async def test_of_the_last_two_at_the_same_time_one_stays(
    api: Running, two: tuple[Person, Person], shared_migrated: Urls, itself: bool, _: int
) -> None:
    pairs = [(one, one) for one in two] if itself else [two, two[::-1]]
    await asyncio.gather(*(deactivate(api, *pair) for pair in pairs))
    owner = await asyncpg.connect(shared_migrated.owner)
    assert await owner.fetchval("select count(*) from users join platform_administrators on user_id = id where status = 'active'") == 1
    await owner.close()
