"""Search servers that are killed under writes, and started again: what was written is there, and nothing else.

`make search-kills KILLS=20` is the long form.
"""

import asyncio
import os
import random
from uuid import UUID, uuid4

import pytest

from api_base.application.common.search import IndexVerifier
from api_base.core.errors import Unavailable
from api_base.core.protocols import SearchDocument
from tests.factories.search import FILMS, Rows, ServerIndex, declared, deleted, film, server_index
from tests.services import Killable

KILLS = int(os.environ.get("SEARCH_KILLS", "2"))
WRITERS = 4


@pytest.fixture(params=["elasticsearch", "opensearch"])
def server(request: pytest.FixtureRequest) -> Killable:
    found: Killable = request.getfixturevalue(f"killable_{request.param}")
    return found


class Writers:
    """Write versions of documents, until `ending`. They repeat what failed until it succeeds, as subscribers do, and some of what succeeded."""

    def __init__(self, index: ServerIndex, rows: Rows) -> None:
        self._index, self._rows, self._random = index, rows, random.Random(KILLS)
        self.ending = asyncio.Event()

    async def run(self) -> int:
        """Return the number of documents."""
        mine: list[SearchDocument] = []
        tenant = uuid4()
        while not self.ending.is_set():
            change = self._change(mine, tenant)
            self._rows.store(change)
            await self._write(change)
            if self._random.random() < 0.1:
                await self._write(self._random.choice(mine))
        return len(mine)

    def _change(self, mine: list[SearchDocument], tenant: UUID) -> SearchDocument:
        if not mine or self._random.random() < 0.5:
            mine.append(film(tenant))
            return mine[-1]
        place = self._random.randrange(len(mine))
        old = mine[place]
        next_one = film(tenant, "Changed", id=old.id, version=old.version + 1)
        mine[place] = deleted(next_one, next_one.version) if self._random.random() < 0.3 else next_one
        return mine[place]

    async def _write(self, document: SearchDocument) -> None:
        while True:
            try:
                return await self._index.write([document])
            except Unavailable:
                await asyncio.sleep(0.05)

    async def more(self, count: int) -> None:
        """Wait until so many more documents exist."""
        wanted = len(self._rows.stored) + count
        while len(self._rows.stored) < wanted:
            await asyncio.sleep(0.01)


@pytest.mark.slow
@pytest.mark.timeout(60 * (KILLS + 1))
async def test_no_write_is_lost_and_none_returns(server: Killable) -> None:
    rows = Rows()
    indexes = declared(FILMS, source=rows)
    async with server_index(server.url, indexes, seconds=5.0) as index:
        writers = Writers(index, rows)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(writers.run()) for _ in range(WRITERS)]
            for _ in range(KILLS):
                await writers.more(100)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
            await writers.more(100)
            writers.ending.set()
        comparison = await IndexVerifier(index, indexes, pause=0).verify("films", lambda compared: None)
        assert comparison.differences == []
        assert comparison.documents == len(rows.stored) == sum(task.result() for task in running)
