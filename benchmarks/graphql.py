"""A page of 50 items by GraphQL against REST, and hostile documents against that page, in pairs: server CPU time per request.

`GRAPHQL_REQUESTS=100` sets the requests of a round.
"""

import asyncio
import json
import os

import uvloop

from benchmarks.report import ROUNDS, show
from benchmarks.serving import cpu_seconds, fetch, load, resident, served
from benchmarks.world import Member, environment, members, world

REQUESTS = int(os.environ.get("GRAPHQL_REQUESTS", "400"))
FIELDS = "id sku name description prices { amount currency } category tags attributes status version createdAt updatedAt deletedAt"
PAGE = f"{{ items(first: 50) {{ nodes {{ {FIELDS} }} pageInfo {{ endCursor hasNextPage }} }} }}"
HOSTILE = {
    "depth 50": "{items{" + "nodes{" * 50 + "id" + "}" * 52,
    "1,000 aliases": "{" + " ".join(f"a{i}:__typename" for i in range(1000)) + "}",
    "circular fragments": "{items{nodes{...A}}} fragment A on Item{...B} fragment B on Item{...A}",
    "1,000 directives": "{items{nodes{id " + "@include(if:true) " * 1000 + "}}}",
    "10,000 fields": "{" + "__typename " * 10_000 + "}",
    "10 MB": "{" + "__typename " * 900_000 + "}",
    "fragments that double": "{items{nodes{...F0}}}"
    + "".join(f"fragment F{i} on Item{{...F{i + 1} ...F{i + 1}}}" for i in range(20))
    + "fragment F20 on Item{id}",
    "batch of 1,000": "",
}


def post(member: Member, body: object) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST /graphql HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {member.token}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def main() -> None:
    with world() as made:
        people = members(made, 20, 60)
        with served("api_base.main:create_app", environment(made), made.home / "graphql.log", factory=True) as server:
            uvloop.run(measure(server, people))


async def measure(server: tuple[int, int], people: list[Member]) -> None:
    pid, port = server
    requests = {
        "REST": [
            f"GET /api/v2/items?limit=50 HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {one.token}\r\n\r\n".encode() for one in people
        ],
        "GraphQL": [post(one, {"query": PAGE}) for one in people],
    }
    page = json.loads(await fetch(port, requests["GraphQL"][0]))
    assert len(page["data"]["items"]["nodes"]) == len(json.loads(await fetch(port, requests["REST"][0]))["items"]) == 50
    microseconds: dict[str, list[float]] = {name: [] for name in requests}
    for turn in range(ROUNDS + 1):
        for name, sent in requests.items():
            cost = await _cost(pid, port, sent, REQUESTS)
            if turn:
                microseconds[name].append(cost)
    for name, figures in microseconds.items():
        show(f"a page of 50 items by {name}: server CPU", figures, "µs")
    pairs = zip(microseconds["REST"], microseconds["GraphQL"], strict=True)
    show("a page of 50 items by GraphQL against REST", [rest / graphql for rest, graphql in pairs], "×", owed=">= 0.25")
    before = resident(pid)
    for name, document in HOSTILE.items():
        sent = post(people[0], {"query": document} if document else [{"query": "{__typename}"}] * 1000)
        ratios = [await _refusals(pid, port, sent, 20) / microseconds["GraphQL"][turn] for turn in range(3)]
        show(f"{name}: CPU of its refusal against a page", ratios, "×", owed="<= 1")
    show("memory that the refusals left", [(resident(pid) - before) / 1024], "KiB")


async def _cost(pid: int, port: int, requests: list[bytes], count: int) -> float:
    before = cpu_seconds(pid)
    await load(port, requests, count)
    await asyncio.sleep(0)
    return (cpu_seconds(pid) - before) / count * 1e6


async def _refusals(pid: int, port: int, request: bytes, count: int) -> float:
    """Send a request on connections of its own; the server may close them before it has read everything."""
    before = cpu_seconds(pid)
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        assert b" 200 " in (head := await reader.readuntil(b"\r\n\r\n")) or b" 4" in head, head
        writer.transport.abort()
    return (cpu_seconds(pid) - before) / count * 1e6
