"""What traces cost. Without an endpoint: instructions of a request against the same request without a trace context, by callgrind.

With an endpoint: server CPU time of GET by id and of POST, by sampling ratio, against the same server without one. The collector is the small
receiver of the tests, in this process.
"""

import asyncio
import itertools
import json
import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.counted import measured
from benchmarks.items import request
from benchmarks.report import show
from benchmarks.serving import cpu_seconds, load, served
from benchmarks.world import Member, environment, members, world
from tests.otlp import Receiver, receiving

ROUNDS, REQUESTS, RUNS = 5, 600, 3
WITHOUT: Final = "no endpoint"
RATIOS: Final = {WITHOUT: "0", "ratio 0": "0", "ratio 0.1": "0.1", "ratio 1.0": "1"}
_numbers = itertools.count()


def creation(member: Member) -> bytes:
    """The creation of an item that does not exist yet."""
    body = json.dumps({"sku": f"T-{next(_numbers)}", "name": "Chair", "category": "furniture"}).encode()
    head = f"POST /api/v2/items HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {member.token}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def main() -> None:
    without_endpoint()
    with world() as made, receiving() as receiver, ExitStack() as stack:
        people = members(made, 100, 5)
        reads = [request(member, id) for member in people for id in member.items]
        servers = {}
        for name, ratio in RATIOS.items():
            endpoint = {} if name == WITHOUT else {"OBSERVABILITY__OTLP_ENDPOINT": receiver.url}
            variables = environment(made) | endpoint | {"OBSERVABILITY__TRACE_SAMPLE_RATIO": ratio}
            servers[name] = stack.enter_context(served("api_base.main:create_app", variables, made.home / f"{ratio}.log", factory=True))
        kinds: dict[str, Callable[[], Sequence[bytes]]] = {
            "GET": lambda: reads,
            "POST": lambda: _Fresh(people),
        }
        for kind, requests in kinds.items():
            rounds = uvloop.run(measure(servers, requests, receiver))
            for name, figures in rounds.items():
                show(f"{kind}, {name}: server CPU a request", figures, "µs")
            for name in list(RATIOS)[1:]:
                ratios = [figure / base for figure, base in zip(rounds[name], rounds[WITHOUT], strict=True)]
                show(f"{kind}, {name}: against no endpoint", ratios, "")


def without_endpoint() -> None:
    """Each block of requests is compared with the block of untraced ones that follows."""
    for _ in range(RUNS):
        blocks = measured(str(Path(__file__).with_name("untraced.py")))
        for kind in ("get", "list", "post"):
            ratios = [one / other for one, other in zip(blocks[f"{kind}/traced"], blocks[f"{kind}/untraced"], strict=True)]
            show(f"{kind}, no endpoint: instructions against untraced", ratios, "", owed="<= 1.01")


class _Fresh(Sequence[bytes]):
    """Requests, each of which is made when it is chosen."""

    def __init__(self, people: Sequence[Member]) -> None:
        self._people = people

    def __len__(self) -> int:
        return len(self._people)

    def __getitem__(self, index: object) -> bytes:  # type: ignore[override]  # one at a time
        del index
        return creation(random.choice(self._people))


async def measure(
    servers: dict[str, tuple[int, int]], requests: Callable[[], Sequence[bytes]], receiver: Receiver
) -> dict[str, list[float]]:
    rounds: dict[str, list[float]] = {name: [] for name in servers}
    for turn in range(ROUNDS + 1):
        for name, (pid, port) in servers.items():
            before = cpu_seconds(pid)
            await load(port, requests(), REQUESTS)
            await asyncio.sleep(0)
            if turn:
                rounds[name].append((cpu_seconds(pid) - before) / REQUESTS * 1e6)
        receiver.spans.clear()
    return rounds
