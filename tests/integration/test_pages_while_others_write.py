"""Pages by cursor visit each item that stays exactly once, and none twice, while others insert and delete between the pages."""

import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")

ITEMS = 30
SORTS = ("name", "-name", "category,-name", "-created_at", "sku,-updated_at")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    """One application for all tests: each acts in a new tenant."""
    async with running(settings_on(shared_migrated)) as opened:
        yield opened


class Writers:
    """What others do to the list between two pages. `unsettled` are the ids that may be met or not."""

    def __init__(self, api: Running, person: Person, chance: random.Random) -> None:
        self._api, self._person, self._chance = api, person, chance
        self.there: list[str] = []
        self.unsettled: set[str] = set()

    async def insert(self) -> None:
        letter = self._chance.choice("abc")
        self.there.append((await self._api.item(self._person, name=f"{letter}{self._chance.randint(0, 3)}", category=letter))["id"])

    async def delete(self) -> None:
        id = self._chance.choice(self.there)
        self.there.remove(id)
        self.unsettled.add(id)
        headers = {**self._person.headers, "If-Match": "*"}
        assert (await self._api.client.delete(f"/api/v1/items/{id}", headers=headers)).status_code == 204

    async def between_pages(self) -> None:
        for _ in range(self._chance.randint(0, 3)):
            if self._chance.random() < 0.5:
                await self.insert()
                self.unsettled.add(self.there[-1])
            else:
                await self.delete()


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("seed", range(3))
async def test_each_item_that_stays_is_met_once(api: Running, sort: str, seed: int) -> None:
    chance = random.Random(seed)
    person = await api.person()
    writers = Writers(api, person, chance)
    for _ in range(ITEMS):
        await writers.insert()
    met: Counter[str] = Counter()
    cursor: str | None = ""
    while cursor is not None:
        query = {"sort": sort, "limit": chance.randint(1, 7), **({"cursor": cursor} if cursor else {})}
        page = (await api.client.get("/api/v1/items", params=query, headers=person.headers)).json()
        met.update(item["id"] for item in page["items"])
        cursor = page["next_cursor"]
        await writers.between_pages()
    assert not {id for id, times in met.items() if times > 1}
    assert set(writers.there) - writers.unsettled <= met.keys()
    assert met.keys() <= set(writers.there) | writers.unsettled
