"""Events: the latency from commit to subscriber, the throughput of relay and consumer, the cost of audit and outbox for a POST."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from uuid import UUID

import asyncpg
import uvloop

from api_base.application.items.commands.create_item import CreateItem
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import build, opened
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from api_base.domain.items.entities import ItemDetails
from benchmarks.report import ROUNDS, show
from benchmarks.serving import CONNECTIONS, cpu_seconds, exchange, served
from benchmarks.world import Member, World, environment, members, world

COMMITS, COMMIT_INTERVAL = 100, 0.02
STORED = 20_000
POSTS = 2000
STORE = """
insert into outbox (at, id, tenant_id, shard, name, aggregate_id, aggregate_version, actor_id, request_id, traceparent, payload)
select now(), gen_random_uuid(), $2, get_byte(uuid_send(id), 15) & 15, $3, id, 1, null, 'bench', '',
    jsonb_build_object('aggregate_id', id, 'tenant_id', $2::uuid, 'sku', 'A')
from (select gen_random_uuid() as id from generate_series(1, $1::integer)) made
"""
_numbers = count()


def main() -> None:
    with world() as made:
        people = members(made, 100, 1)
        heard = made.home / "heard"
        with worker(made, "hearing:HEARING", HEARD=str(heard)):
            rounds = uvloop.run(latencies(made, people, heard))
        show("commit to subscriber, p50", [one[len(one) // 2] for one in rounds], "ms", owed="<= 20")
        show("commit to subscriber, p95", [one[len(one) * 95 // 100] for one in rounds], "ms")
        throughput(made, people[0])
        posts(made, people)


@contextmanager
def worker(made: World, context: str, *arguments: str, **variables: str) -> Iterator[int]:
    """`api-base worker` with a context of `hearing`. Yields its process id once it runs."""
    log = made.home / "worker.log"
    contexts = {"CONTEXTS": f'["benchmarks.{context}"]', "OBSERVABILITY__LOG_FORMAT": "json", "PYTHONPATH": str(Path(__file__).parents[1])}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "api_base.cli", "worker", *arguments],
            cwd=made.home, env={**environment(made), **contexts, **variables}, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        while "worker_started" not in log.read_text():
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
            time.sleep(0.01)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def act_for(member: Member) -> None:
    permissions = frozenset(name for context in BUILT_IN for name in context.permissions)
    principal = Principal(
        user_id=UserId(member.user), session_id=None, tenant_id=TenantId(member.tenant), role="owner", platform_admin=False, permissions=permissions,
    )  # fmt: skip
    current_context.set(RequestContext(request_id="bench", principal=principal))


async def latencies(made: World, people: Sequence[Member], heard: Path) -> list[list[float]]:
    """For each round the sorted milliseconds between the end of each command and its event's handler."""
    rounds = []
    async with opened(build(made.settings, BUILT_IN)) as services:
        for _ in range(ROUNDS + 1):
            committed: dict[UUID, int] = {}
            for number in range(COMMITS):
                act_for(people[number % len(people)])
                details = ItemDetails(sku=f"E-{next(_numbers)}", name="Chair", category="furniture")
                item = await services.bus.execute(CreateItem(details=details))
                committed[item.id] = time.monotonic_ns()
                await asyncio.sleep(COMMIT_INTERVAL)
            while len(at := times(heard).keys() & committed.keys()) < COMMITS:
                await asyncio.sleep(0.1)
            found = times(heard)
            rounds.append(sorted((found[id] - committed[id]) / 1e6 for id in at))
    return rounds[1:]


def times(heard: Path) -> dict[UUID, int]:
    lines = heard.read_text().splitlines() if heard.exists() else []
    return {UUID(id): int(at) for id, at in (line.split() for line in lines)}


def throughput(made: World, member: Member) -> None:
    """The throughput and CPU time of one worker that processes a backlog."""
    for context, event in (("hearing:HEARING", "items.created.v1"), ("hearing:COPYING", "items.stored.v1")):
        execute(made, STORE, STORED, member.tenant, event)
        variables = {"HEARD": str(made.home / "heard")}
        for kind, left in (
            ("relay", "select count(*) from outbox where not published"),
            ("subscribers", "select count(*) from deliveries"),
        ):
            with worker(made, context, "--only", kind, **variables) as pid:
                before, began = cpu_seconds(pid), time.monotonic()
                while execute(made, left):
                    time.sleep(0.05)
                taken, cpu = time.monotonic() - began, cpu_seconds(pid) - before
            what = f"{kind}, {'with' if 'COPYING' in context else 'without'} an effect"
            show(f"{what}: events a second", [STORED / taken], "")
            show(f"{what}: CPU an event", [cpu / STORED * 1e6], "µs")


def execute(made: World, sql: str, *arguments: object) -> int | None:
    async def ask() -> int | None:
        connection = await asyncpg.connect(made.admin)
        try:
            return await connection.fetchval(sql, *arguments)
        finally:
            await connection.close()

    return asyncio.run(ask())


def posts(made: World, people: Sequence[Member]) -> None:
    """`POST /api/v2/items` as shipped, against the same without audit and outbox."""
    rounds: dict[str, list[tuple[float, float]]] = {"with": [], "without": []}
    with (
        served("api_base.main:create_app", environment(made), made.home / "with.log", factory=True) as shipped,
        served("benchmarks.without_participants:create_app", environment(made), made.home / "without.log", factory=True) as bare,
    ):
        for turn in range(ROUNDS + 1):
            for name, (pid, port) in (("with", shipped), ("without", bare)):
                requests = [post(people[number % len(people)]) for number in range(POSTS)]
                before, began = cpu_seconds(pid), time.monotonic()
                uvloop.run(send(port, requests))
                if turn:
                    rounds[name].append((POSTS / (time.monotonic() - began), (cpu_seconds(pid) - before) / POSTS * 1e6))
    for name, figures in rounds.items():
        show(f"POST {name} audit and outbox: requests a second", [rate for rate, _ in figures], "")
        show(f"POST {name} audit and outbox: server CPU a request", [cpu for _, cpu in figures], "µs")
    pairs = list(zip(rounds["with"], rounds["without"], strict=True))
    show("POST with audit and outbox: throughput", [ours[0] / bare[0] for ours, bare in pairs], "", owed=">= 0.75 of without")
    show("POST with audit and outbox: server CPU", [bare[1] / ours[1] for ours, bare in pairs], "", owed=">= 0.75 of without")


def post(member: Member) -> bytes:
    body = f'{{"sku":"P-{next(_numbers)}","name":"Chair","category":"furniture"}}'
    head = f"POST /api/v2/items HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {member.token}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def send(port: int, requests: Sequence[bytes]) -> None:
    """Send each request once, over persistent connections."""
    left = iter(requests)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in left:
            await exchange(reader, writer, request)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
