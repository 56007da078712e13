"""Clients of channels while server processes, whole servers and workers are killed, and transactions stay open across the commits of others.

Every client receives every event once and in the order of the journal, and always recovers. `make realtime-kills` is the full form.
"""

import asyncio
import http.client
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import asyncpg
import pytest

from api_base.infrastructure.db.embedded import EmbeddedServer
from tests.e2e.conftest import Project
from tests.e2e.event_clients import EventClient, Record
from tests.e2e.killing import killed_workers
from tests.e2e.processes import PATIENCE, UNLIMITED, Backend, free_port, rows, serving, until
from tests.e2e.test_websocket import member_token

EVENTS: Final = int(os.environ.get("REALTIME_EVENTS", "64"))
FULL: Final = EVENTS >= 1000
CLIENTS: Final = 50 if FULL else 10
WRITERS: Final = 8
KILLS: Final = EVENTS // 20 if FULL else 4
OTHERS: Final = 2 if FULL else 1
"""Servers beside the first one, which also runs the database. These are killed whole, too."""
PROCESSES: Final = "2" if FULL else "1"
"""Of each of them."""
WORKERS: Final = 2 if FULL else 1
HELD: Final = 8
"""One in so many items is committed late."""
REPEATED: Final = frozenset({None, 409, 503})
"""Answers after which a writer asks again: none, that of a request whose first copy has not ended, and that of a server that starts or stops."""
SETTINGS: Final = {
    **UNLIMITED,
    "REALTIME__KEEP_EVENTS": "100000",
    "REALTIME__MAX_SESSIONS_PER_USER": "1000",
    "REALTIME__MAX_SESSIONS_PER_ADDRESS": "1000",
    "WEBSOCKET__MAX_CONNECTIONS_PER_USER": "1000",
}
LATE_COMMITS: Final = """
create function commit_late() returns trigger language plpgsql security definer as $$
declare mine bigint := (select max(sequence) from outbox where aggregate_id = new.id);
begin
    for turn in 1..100 loop
        exit when exists (select from channel_events e join outbox o on o.id = e.event_id where e.name = 'tenant' and o.sequence > mine);
        perform pg_sleep(0.05);
    end loop;
    return null;
end $$;
create constraint trigger late after insert on items deferrable initially deferred for each row
    when (new.name = 'Held') execute function commit_late();
"""
"""The event is in the outbox, with its place in the sequence, while the transaction stays open until a later one is in the journal, or for 5 s."""
JOURNAL: Final = """
select e.epoch || journal_incarnation() || ':' || e.channel_offset, e.event_id, o.aggregate_id from channel_events e join outbox o on o.id = e.event_id
where e.tenant_id = (select id from tenants where slug = 'demo') and e.name = 'tenant' order by e.channel_offset
"""
OVERTAKEN: Final = """
select count(*) from channel_events e join outbox o on o.id = e.event_id join items i on i.id = o.aggregate_id
where e.name = 'tenant' and i.name = 'Held' and exists (
    select from channel_events f join outbox p on p.id = f.event_id
    where f.tenant_id = e.tenant_id and f.name = e.name and p.sequence > o.sequence and f.channel_offset < e.channel_offset)
"""
WAITING: Final = "select count(*) from outbox where not published"


class Servers:
    """The servers, each on a port that its successors keep; the first one has a worker that stays. `kill` sends SIGKILL to one of their processes, or to a whole server."""

    def __init__(self, home: Path, settings: dict[str, str], stack: ExitStack) -> None:
        self._random, self._settings = random.Random(3), settings
        self.first = stack.enter_context(serving(home, "--workers", "2", **settings)).ready()
        self._others = [stack.enter_context(ExitStack()) for _ in range(OTHERS)]
        self.ports = [self.first.port, *(free_port() for _ in self._others)]
        self._running = [self.first, *(self._start(number) for number in range(OTHERS))]
        self.kills = Counter[str]()

    def _start(self, number: int) -> Backend:
        """Start one of the others. The port is open before its processes accept."""
        options = ("--no-worker", "--workers", PROCESSES)
        return self._others[number].enter_context(serving(self.first.home, *options, port=self.ports[number + 1], **self._settings))

    def kill(self) -> None:
        if self.kills.total() % 4 == 3:
            number = self._random.randrange(OTHERS)
            self._others[number].close()  # kills the server, and waits for the end of its processes
            self._running[number + 1] = self._start(number)
            self.kills["servers"] += 1
            return
        victims = until(lambda: sorted(pid for one in self._running for pid in one.server_processes()), "a server process")
        os.kill(self._random.choice(victims), signal.SIGKILL)
        self.kills["processes"] += 1


class Writer:
    """Creates items, one after the other, each with a key that makes it one item however often the request is sent."""

    def __init__(self, ports: list[int], token: str, number: int) -> None:
        self._ports, self._token, self._random, self._number = ports, token, random.Random(1000 + number), number
        self.acknowledged: list[str] = []

    def run(self, count: int) -> None:
        for index in range(count):
            self.write(f"RK-{uuid4()}", "Held" if (index + self._number) % HELD == 0 else "Chair")

    def write(self, sku: str, name: str) -> None:
        key, body = str(uuid4()), json.dumps({"sku": sku, "name": name, "category": "goods"})
        deadline = time.monotonic() + PATIENCE
        while (status := self._sent(key, body)) != 201:
            if status not in REPEATED or time.monotonic() > deadline:
                pytest.fail(f"the item was not created: {status}")
            time.sleep(self._random.uniform(0.01, 0.05))

    def _sent(self, key: str, body: str) -> int | None:
        """The status of the answer, None without one."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}", "Idempotency-Key": key}
        connection = http.client.HTTPConnection("127.0.0.1", self._random.choice(self._ports), timeout=PATIENCE)
        try:
            connection.request("POST", "/api/v1/items", body, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        if response.status == 201:
            self.acknowledged.append(answer["id"])
        return response.status


@contextmanager
def late_commits(home: Path) -> Iterator[None]:
    url = EmbeddedServer(home / ".api-base/postgres").administrator_url()

    async def do(sql: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(sql)
        await connection.close()

    asyncio.run(do(LATE_COMMITS))
    try:
        yield
    finally:
        asyncio.run(do("drop trigger late on items; drop function commit_late()"))


def settled(home: Path) -> None:
    until(lambda: rows(home, WAITING) == [["0"]], "an outbox without waiting events")


async def followed(servers: Servers, token: str, home: Path, spare: Callable[[], object]) -> tuple[list[Record], list[str]]:
    """What every client received, and the items that were acknowledged. From `spare` on no worker is killed."""
    last = f"LAST-{uuid4()}"
    clients = [EventClient(servers.ports, token, seed, streaming=seed % 2 == 0, last=last) for seed in range(CLIENTS)]
    writers = [Writer(servers.ports, token, number) for number in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE if not FULL else 4 * PATIENCE), asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(client.run())
            for client in clients:
                await client.subscribed.wait()
            await loop.run_in_executor(pool, writers[0].write, f"RK-{uuid4()}", "Chair")
            await loop.run_in_executor(pool, settled, home)  # a worker has started
            writing = [loop.run_in_executor(pool, writer.run, EVENTS // WRITERS) for writer in writers]
            await loop.run_in_executor(pool, _kill, servers, writers)
            await asyncio.gather(*writing)
            spare()
            await loop.run_in_executor(pool, settled, home)
            await loop.run_in_executor(pool, writers[0].write, last, "Chair")
    return [client.record for client in clients], [id for writer in writers for id in writer.acknowledged]


def _kill(servers: Servers, writers: list[Writer]) -> None:
    """Kill after every so many items."""
    for number in range(1, KILLS + 1):
        due = number * EVENTS // (KILLS + 1)
        until(lambda due=due: sum(len(writer.acknowledged) for writer in writers) >= due, f"{due} items", 4 * PATIENCE)
        servers.kill()


@pytest.mark.slow
@pytest.mark.timeout(1200 if FULL else 120)
@pytest.mark.parametrize("fan_out", ["database", "valkey"])
def test_clients_miss_and_double_nothing_while_servers_are_killed(project: Project, request: pytest.FixtureRequest, fan_out: str) -> None:
    url = {"database": lambda: "database://", "valkey": lambda: request.getfixturevalue("redis_url")}[fan_out]()
    settings = {**SETTINGS, "REALTIME__URL": url, "REALTIME__PREFIX": uuid4().hex}
    began = time.monotonic()
    with ExitStack() as stack:
        servers = Servers(project.home, settings, stack)
        token = member_token(servers.first, project)
        workers = stack.enter_context(killed_workers(project.home, WORKERS, settings, (0.5, 4.0)))
        settled(project.home)
        with late_commits(project.home):
            records, acknowledged = asyncio.run(followed(servers, token, project.home, lambda: [one.to_live.set() for one in workers]))
        journal = rows(project.home, JOURNAL)
        overtaken = int(rows(project.home, OVERTAKEN)[0][0])
    figures = {
        "fan_out": fan_out,
        "events": len(acknowledged),
        "clients": len(records),
        "kills": {**servers.kills, "workers": sum(worker.kills for worker in workers)},
        "recoveries": sum(record.recoveries for record in records),
        "late_commits_overtaken": overtaken,
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(figures))
    assert [fault for record in records for fault in record.faults] == []
    assert sorted(item for _, _, item in journal if item in set(acknowledged)) == sorted(acknowledged)
    for record in records:
        start = [position for position, _, _ in journal].index(record.start) + 1 if record.start in {row[0] for row in journal} else 0
        assert record.events == [(position, event) for position, event, _ in journal[start:]]
    assert figures["recoveries"] > 0
    assert overtaken > 0
