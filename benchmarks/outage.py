"""Kill both brokers under load, Kafka of the events and RabbitMQ of the jobs: do writes continue, does memory stay flat, is everything delivered?

After the outage everything must be delivered once and in order. `OUTAGE_SECONDS` (300) is the length of the outage. Exits with 1 if a
requirement is not met. Requires both brokers of `make services`, for itself alone.
"""

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import uvloop

from api_base.application.common.events.cloud_event import decoded
from api_base.infrastructure.kafka.connection import KafkaConnection
from benchmarks.effects import DELIVERED, DONE
from benchmarks.events import worker
from benchmarks.report import show
from benchmarks.serving import resident, served
from benchmarks.world import World, environment, members, world
from benchmarks.writing import Writing
from tests import kafka
from tests.brokers import Brokers, brokers

WARM_UP, BEFORE, AFTER = 20.0, 30.0, 30.0
PATIENCE = 900.0
"""Seconds in which everything must be delivered after the brokers are back."""
FLAT = 16.0
"""Megabytes by which a process may grow. The events of 300 s, a third of a million, would need hundreds."""
EVENTS = "name in ('items.created.v1', 'items.changed.v1')"

WAITING = f"""
select (select count(*) from outbox where {EVENTS}) - (select count(*) from inbox where subscription like 'effects.%')
    + (select count(*) from jobs where name = 'effects.note' and state <> 'succeeded')
"""
CHANGED = "select aggregate_id, count(*) filter (where aggregate_version > 1) as changes from outbox where {EVENTS} group by 1"
NOT_ONCE = """
select count(*) from (
    select c.id from ({causes}) c left join items e on e.category = '{category}' and left(e.sku, 36)::uuid = c.id
    group by c.id having count(e.id) <> 1) wrong
"""
NOT_IN_ORDER = """
select count(*) from (
    select o.aggregate_id from outbox o join inbox i on i.event_id = o.id where i.subscription = 'effects.changed'
    group by 1 having array_agg(aggregate_version order by i.at) <> array_agg(aggregate_version order by aggregate_version)) wrong
"""
PRICES = "select id from outbox where name = 'items.price_changed.v2'"


@dataclass
class Seen:
    """`writes` per second in windows of each phase; megabytes of `server` and `worker` in each second of the outage; pending effects."""

    writes: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, list[float]] = field(default_factory=lambda: {"server": [], "worker": []})
    waiting: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    wrong: dict[str, int] = field(default_factory=dict)


def main() -> None:
    outage = float(os.environ.get("OUTAGE_SECONDS", "300"))
    with brokers() as both, world() as made:
        server = {**environment(made), **both.variables, "CONTEXTS": '["benchmarks.effects:EFFECTS"]'}
        with (
            served("api_base.main:create_app", server, made.home / "server.log", factory=True) as (pid, port),
            worker(made, "effects:EFFECTS", **both.variables) as worker_pid,
        ):
            writing = Writing(members(made, 100, 0))
            seen = uvloop.run(carry_out(made, both, writing, port, {"server": pid, "worker": worker_pid}, outage))
    raise SystemExit(report(seen))


async def carry_out(made: World, both: Brokers, writing: Writing, port: int, pids: dict[str, int], outage: float) -> Seen:
    seen, database = Seen(), await asyncpg.connect(made.admin)
    async with writing.to(port):
        await asyncio.sleep(WARM_UP)
        seen.writes["before"] = await writing.rates(BEFORE)
        print(f"after {WARM_UP + BEFORE:.0f} s of load the brokers are killed", flush=True)
        seen.waiting["when the brokers are killed"] = await database.fetchval(WAITING)
        for broker in both.all:
            await asyncio.to_thread(broker.kill)
        async with watched(seen, pids):
            seen.writes["during"] = await writing.rates(outage)
        seen.waiting["at the end of the outage"] = await database.fetchval(WAITING)
        await asyncio.gather(*(asyncio.to_thread(broker.start) for broker in both.all))
        back = time.monotonic()
        print(f"the brokers are back after {outage:.0f} s and their start", flush=True)
        seen.writes["after"] = await writing.rates(AFTER)
    seen.waiting["at the end of the load"] = await database.fetchval(WAITING)
    print("the load has ended, what waits is delivered", flush=True)
    async with asyncio.timeout(PATIENCE):
        while (waiting := await database.fetchval(WAITING)) > 0:
            print(f"  {waiting} effects wait", end="\r", flush=True)
            await asyncio.sleep(0.5)
    seen.seconds = time.monotonic() - back
    prices = {row["id"] for row in await database.fetch(PRICES)}
    seen.wrong = {**await wrong(database, writing), **await wrong_in_kafka(both.namespace, prices)}
    await database.close()
    return seen


@asynccontextmanager
async def watched(seen: Seen, pids: dict[str, int]) -> AsyncIterator[None]:
    """Record the memory of the processes once a second."""

    async def look() -> None:
        while True:
            for name, pid in pids.items():
                seen.memory[name].append(resident(pid))
            await asyncio.sleep(1)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()


async def published(connection: KafkaConnection) -> Counter[UUID]:
    """How often each price change is in the topic of events."""
    events = [decoded(record.value or b"") for record in await kafka.committed(connection, "items")]
    return Counter(event.id for event in events if event.name == "items.price_changed.v2")


async def streamed(connection: KafkaConnection) -> Counter[UUID]:
    """How often each price change is in the shipped stream, which is derived from that topic."""
    records = await kafka.committed(connection, "items.price-changes")
    return Counter(UUID(dict(record.headers)["event-id"].decode()) for record in records)


async def wrong(database: asyncpg.Connection, writing: Writing) -> dict[str, int]:
    """The numbers of violations."""
    stored = {row["aggregate_id"]: row["changes"] for row in await database.fetch(CHANGED.format(EVENTS=EVENTS))}
    events = NOT_ONCE.format(causes=f"select id from outbox where {EVENTS}", category=DELIVERED)
    jobs = NOT_ONCE.format(causes="select (payload->>'item_id')::uuid as id from jobs where name = 'effects.note'", category=DONE)
    return {
        "items whose events are not those that were acknowledged": len(stored.items() ^ writing.items.items()),
        "events whose effect is not there once": await database.fetchval(events),
        "jobs whose effect is not there once": await database.fetchval(jobs),
        "items without a job": len(writing.items) - await database.fetchval("select count(*) from jobs where name = 'effects.note'"),
        "aggregates out of order": await database.fetchval(NOT_IN_ORDER),
        "deliveries deferred or dead": await database.fetchval("select count(*) from deliveries"),
    }


async def wrong_in_kafka(connection: KafkaConnection, prices: set[UUID]) -> dict[str, int]:
    topic = await published(connection)
    async with asyncio.timeout(PATIENCE):
        while (stream := await streamed(connection)).total() < topic.total():
            await asyncio.sleep(0.5)
    print(f"of {len(prices)} events {topic.total() - len(topic)} were published twice", flush=True)
    return {
        "events that were not published": len(prices - topic.keys()),
        "events not as often in the stream as in its source": len(dict.items(topic) ^ dict.items(stream)),
    }


def report(seen: Seen) -> int:
    """Print all figures. Returns 1 if a requirement is not met."""
    for phase, rates in seen.writes.items():
        show(f"writes a second, {phase}", rates, "")
    ratio = statistics.mean(seen.writes["during"]) / statistics.mean(seen.writes["before"])
    show("writes: during / before", [ratio], "", owed=">= 0.95")
    grown = [growth(name, figures) for name, figures in seen.memory.items()]
    for when, waiting in seen.waiting.items():
        show(f"effects that wait {when}", [waiting], "")
    show("from the brokers' return until all is delivered", [seen.seconds], "s")
    for what, number in seen.wrong.items():
        show(what, [number], "", owed="0")
    return int(ratio < 0.95 or max(grown) > FLAT or any(seen.wrong.values()))


def growth(name: str, figures: list[float]) -> float:
    """The growth between the first and the last five seconds."""
    slope = statistics.linear_regression(range(len(figures)), figures).slope * 60
    grown = statistics.median(figures[-5:]) - statistics.median(figures[:5])
    show(f"memory of the {name} in the outage", figures, "MB")
    show(f"memory of the {name}: growth in the outage", [grown], "MB", owed=f"<= {FLAT:g}")
    show(f"memory of the {name}: slope", [slope], "MB/min")
    return grown
