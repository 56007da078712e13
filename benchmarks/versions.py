"""A page of 50 items in a version two changes back against the newest one, in pairs: server CPU time per request.

`VERSIONS_REQUESTS=100` sets the requests of a round.
"""

import json
import os

import uvloop

from benchmarks.report import ROUNDS, show
from benchmarks.serving import cpu_seconds, fetch, load, served
from benchmarks.world import Member, environment, members, world

REQUESTS = int(os.environ.get("VERSIONS_REQUESTS", "400"))
OLDER, NEWEST = 2, 4


def main() -> None:
    with world() as made:
        people = members(made, 20, 60)
        with served("benchmarks.versions_app:create_app", environment(made), made.home / "versions.log", factory=True) as server:
            uvloop.run(measure(server, people))


async def measure(server: tuple[int, int], people: list[Member]) -> None:
    pid, port = server
    requests = {number: [_list(one, number) for one in people] for number in (OLDER, NEWEST)}
    shown = {number: json.loads(await fetch(port, sent[0]))["items"] for number, sent in requests.items()}
    assert [len(items) for items in shown.values()] == [50, 50]
    assert {"code", "text"} <= shown[OLDER][0].keys()
    assert {"sku", "name", "description"} <= shown[NEWEST][0].keys()
    microseconds: dict[int, list[float]] = {number: [] for number in requests}
    for turn in range(ROUNDS + 1):
        for number, sent in requests.items():
            before = cpu_seconds(pid)
            await load(port, sent, REQUESTS)
            if turn:
                microseconds[number].append((cpu_seconds(pid) - before) / REQUESTS * 1e6)
    for number, figures in microseconds.items():
        show(f"a page of 50 items in version {number}: server CPU", figures, "µs")
    pairs = zip(microseconds[OLDER], microseconds[NEWEST], strict=True)
    show("a page two changes back against the newest", [newest / older for older, newest in pairs], "×", owed=">= 0.8")


def _list(member: Member, version: int) -> bytes:
    return f"GET /api/v{version}/items?limit=50 HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {member.token}\r\n\r\n".encode()
