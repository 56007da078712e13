"""Rebuild the search index of `SEARCH_REBUILT` items (100,000) on Elasticsearch and OpenSearch of `make services`, under commands and searches.

`api-base search reindex` runs beside a worker that brings the events of the commands to the index. Commands begin at a fixed rate, whether the
ones before have ended or not. Afterwards the index is compared with the database.
"""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg
from pydantic import SecretStr

from api_base.application.items.commands.create_item import CreateItem
from api_base.application.items.commands.item_transitions import DeleteItem
from api_base.application.items.commands.update_item import UpdateItem
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services, build, opened
from api_base.core.errors import ApiBaseError
from api_base.core.protocols import SearchRequest
from api_base.domain.items.entities import ItemDetails
from api_base.operations.search_admin import verify
from benchmarks.events import act_for, worker
from benchmarks.world import Member, World, environment, members, world
from tests.factories.search import declared, server_index
from tests.services import address

ITEMS = int(os.environ.get("SEARCH_REBUILT", "100000"))
RATE = int(os.environ.get("SEARCH_WRITES", "100"))
"""Commands a second."""
SEARCH_INTERVAL = 0.1
IN_FLIGHT = 16
DRAINED_WITHIN = 900.0
PENDING = "select (select count(*) from outbox where not published) + (select count(*) from deliveries)"


@dataclass(slots=True)
class Load:
    """What happened while the index was rebuilt. `late` is the greatest delay of a command behind its time, in seconds."""

    commands: int = 0
    searches: int = 0
    failed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    late: float = 0.0
    seconds: float = 0.0


def main(servers: Sequence[str]) -> None:
    for server in servers or ("elasticsearch", "opensearch"):
        measure(server, address(server, f"TEST_{server.upper()}_URL"))


def measure(server: str, url: str) -> None:
    with world() as made:
        variables = {"SEARCH__URL": url, "SEARCH__PREFIX": f"bench-{uuid4().hex}", "SEARCH__TIMEOUT_SECONDS": "5"}
        updated = {"url": SecretStr(url), "prefix": variables["SEARCH__PREFIX"], "timeout_seconds": 5.0}
        search = made.settings.search.model_copy(update=updated)
        there = World(made.urls, made.admin, made.home, made.settings.model_copy(update={"search": search}))
        member = members(there, 1, ITEMS)[0]
        with worker(there, "hearing:HEARING", HEARD=os.devnull, **variables):
            with reindexing(there, variables) as filling:
                filling.wait()
            asyncio.run(under_load(server, there, member, variables))
        asyncio.run(remove(url, search.prefix))


@contextmanager
def reindexing(made: World, variables: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`api-base search reindex items`, which has to succeed before the block ends."""
    command = [sys.executable, "-m", "api_base.cli", "search", "reindex", "items"]
    process = subprocess.Popen(
        command, cwd=made.home, env={**environment(made), **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process
        printed = process.stdout.read() if process.stdout else b""
        if process.wait() != 0:
            raise RuntimeError(printed.decode())
    finally:
        process.kill()
        process.wait()


async def under_load(server: str, made: World, member: Member, variables: dict[str, str]) -> None:
    act_for(member)
    async with opened(build(made.settings, BUILT_IN)) as services:
        load, ending = Load(), asyncio.Event()
        with reindexing(made, variables) as process:
            began = time.monotonic()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(commands(services, member, load, ending))
                tasks.create_task(searches(services, member, load, ending))
                while process.poll() is None:
                    await asyncio.sleep(0.1)
                load.seconds = time.monotonic() - began
                ending.set()
        pending, drained = await drain(made)
    found = (await verify(made.settings, BUILT_IN, "items", repair=False, progress=lambda index, compared: None))["items"].found
    print(
        f"{server}: {ITEMS:,} items rebuilt in {load.seconds:.0f} s under {load.commands / load.seconds:.1f} commands a second ({load.commands:,}, "
        f"{len(load.refused)} refused, {load.late:.1f} s late at most); {len(load.failed)} of {load.searches:,} searches failed; "
        f"{pending:,} events were pending after the last command, and none {drained:.1f} s later; {len(found.differences)} differences in {found.documents:,} documents; load {os.getloadavg()[0]:.1f}",
        *load.refused[:5],
        *load.failed[:5],
        *found.differences[:5],
        sep="\n",
        flush=True,
    )


async def commands(services: Services, member: Member, load: Load, ending: asyncio.Event) -> None:
    """Begin `RATE` commands a second: of three, one creates an item, one changes one, and one changes or, every seventh time, deletes one."""
    free, random_, living = asyncio.Semaphore(IN_FLIGHT), random.Random(3), list(member.items)
    began, number = time.monotonic(), 0

    async def run(number: int, id: UUID) -> None:
        try:
            if number % 3 == 0:
                details = ItemDetails(sku=f"N-{number}", name=f"New chair {number}", category="furniture")
                living.append((await services.bus.execute(CreateItem(details=details))).id)
            elif number % 7 == 0:
                await services.bus.execute(DeleteItem(id=id, expected_version=None))
            else:
                changes = {"name": f"Changed chair {number}"}
                await services.bus.execute(UpdateItem(id=id, expected_version=None, changes=changes))
                living.append(id)
            load.commands += 1
        except ApiBaseError as error:
            load.refused.append(repr(error))
        finally:
            free.release()

    async with asyncio.TaskGroup() as tasks:
        while not ending.is_set():
            due = began + number / RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await free.acquire()
            load.late = max(load.late, time.monotonic() - due)
            place = random_.randrange(len(living))
            living[place], living[-1] = living[-1], living[place]
            tasks.create_task(run(number, living[-1] if number % 3 == 0 else living.pop()))
            number += 1


async def searches(services: Services, member: Member, load: Load, ending: asyncio.Event) -> None:
    """Search for chairs, of which there are many at each moment."""
    engine = services.container.search
    while not ending.is_set():
        load.searches += 1
        try:
            if not (await engine.search(SearchRequest(indexes=("items",), q="chair", size=20), member.tenant)).hits:
                load.failed.append("no hits")
        except Exception as error:
            load.failed.append(repr(error))
        await asyncio.sleep(SEARCH_INTERVAL)


async def remove(url: str, prefix: str) -> None:
    async with server_index(url, declared(), prefix=prefix):
        """Leaving removes every index with the prefix."""


async def drain(made: World) -> tuple[int, float]:
    """Wait until every event has been written to the index. Return how many were not, and the seconds."""
    began = time.monotonic()
    connection = await asyncpg.connect(made.admin)
    try:
        pending = await connection.fetchval(PENDING)
        while await connection.fetchval(PENDING):
            if time.monotonic() - began > DRAINED_WITHIN:
                raise RuntimeError(f"events are pending {DRAINED_WITHIN:.0f} s after the last command")
            await asyncio.sleep(0.05)
    finally:
        await connection.close()
    return pending, time.monotonic() - began


if __name__ == "__main__":
    main(sys.argv[1:])
