"""Requests while Redis is killed three times, slow, reset and silent: none fails, and how much longer do the slowest take?

Cache and rate limits are in Redis. Requests arrive at a fixed rate, whether earlier ones were answered or not, and each counts from its arrival.
Exits with 1 if a requirement is not met. Requires Valkey and toxiproxy of `make services`.
"""

import asyncio
import itertools
import statistics
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx2
import uvloop

from benchmarks.items import request
from benchmarks.report import show
from benchmarks.serving import served
from benchmarks.world import Member, environment, members, world
from tests import services
from tests.redis_topologies import Node, free_ports, running
from tests.services import Proxy, Toxiproxy

RATE: Final = 200
"""Requests per second: half for a cached query, half for an item."""
NORMAL, PHASE, BACK = 15.0, 8.0, 5.0
"""Seconds of the first phase, of each fault, and between two."""
TIMES: Final = 2.0

type Faults = Mapping[str, Callable[[], AbstractContextManager[None]]]


def main() -> None:
    with world() as made, services.held("toxiproxy"):
        node = Node(made.home / "valkey", free_ports(1)[0])
        with running([node]), httpx2.Client(base_url=services.address("toxiproxy", "TEST_TOXIPROXY_URL")) as http:
            node.ask("PING")
            with Toxiproxy(http).to(f"127.0.0.1:{node.port}") as proxy:
                url = f"redis://{proxy.host}:{proxy.port}/0"
                variables = {**environment(made), "CACHE__URL": url, "RATE_LIMIT__URL": url}
                requests = [sent for one in members(made, 50, 1) for sent in (_tenant(one), request(one, one.items[0]))]
                with served("api_base.main:create_app", variables, made.home / "server.log", factory=True) as (_, port):
                    seen = uvloop.run(_carry_out(port, requests, _faults(node, proxy)))
    raise SystemExit(_report(seen))


def _tenant(member: Member) -> bytes:
    return f"GET /api/v1/tenants/{member.tenant} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {member.token}\r\n\r\n".encode()


def _faults(node: Node, proxy: Proxy) -> Faults:
    @contextmanager
    def killed() -> Iterator[None]:
        node.kill()
        try:
            yield
        finally:
            node.start()
            node.ask("PING")

    return {
        **{f"killed, time {number}": killed for number in (1, 2, 3)},
        "latency of 2 s": lambda: proxy.slow(2000),
        "connections reset": proxy.resetting,
        "no answer": proxy.silent,
    }


@dataclass
class _Seen:
    """Milliseconds of each request by the phase in which it arrived; what was no answer of 200."""

    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)


async def _carry_out(port: int, requests: Sequence[bytes], faults: Faults) -> _Seen:
    seen, phase = _Seen(), "warm-up"
    idle = deque[
        tuple[asyncio.StreamReader, asyncio.StreamWriter]
    ]()  # the first in is the first out: the server closes what is idle for 5 s
    loop = asyncio.get_running_loop()

    async def one(sent: bytes, arrived: float, during: str) -> None:
        reader, writer = idle.popleft() if idle else await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        idle.append((reader, writer))
        seen.milliseconds.setdefault(during, []).append((loop.time() - arrived) * 1e3)
        if not head.startswith(b"HTTP/1.1 200"):
            seen.failed[f"{during}: {head[9:12].decode()}"] += 1

    async def arrivals() -> None:
        async with asyncio.TaskGroup() as group:
            began = loop.time()
            for number, sent in enumerate(itertools.cycle(requests)):
                due = began + number / RATE
                if (early := due - loop.time()) > 0:
                    await asyncio.sleep(early)
                if phase == "end":
                    return
                group.create_task(one(sent, due, phase))

    arriving = asyncio.create_task(arrivals())
    for phase in ("warm-up", "normal"):  # noqa: B007 -- the arrivals read it
        await asyncio.sleep(NORMAL)
    for fault, applied in faults.items():
        context = applied()
        phase = fault
        await asyncio.to_thread(context.__enter__)
        await asyncio.sleep(PHASE)
        await asyncio.to_thread(context.__exit__, None, None, None)
        phase = "after a fault"
        await asyncio.sleep(BACK)
    phase = "end"
    await arriving
    for _, writer in idle:
        writer.close()
    return seen


def _report(seen: _Seen) -> int:
    """Print all figures. Returns 1 if a requirement is not met."""
    p99 = {phase: statistics.quantiles(taken, n=100)[-1] for phase, taken in seen.milliseconds.items() if phase != "warm-up"}
    for phase, value in p99.items():
        show(f"p99, {phase}", [value], "ms")
        show(f"median, {phase}", [statistics.median(seen.milliseconds[phase])], "ms")
    worst = max(value / p99["normal"] for value in p99.values())
    show("p99 of the worst phase / normal", [worst], "", owed=f"<= {TIMES:g}")
    show("requests without an answer of 200", [float(seen.failed.total())], "", owed="0")
    for what, number in seen.failed.items():
        print(f"  {number} {what}")
    return int(worst > TIMES or seen.failed.total() > 0)
