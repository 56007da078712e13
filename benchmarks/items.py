"""G4: `GET /api/v2/items/{id}` as shipped, with 1,000 tenants, against raw ASGI and asyncpg. Server CPU time per request."""

import asyncio
import json
from collections.abc import Sequence

import uvloop

from benchmarks.report import ROUNDS, show
from benchmarks.serving import cpu_seconds, fetch, load, served
from benchmarks.world import Member, World, environment, members, world

REQUESTS = 4000


def request(member: Member, id: object) -> bytes:
    return f"GET /api/v2/items/{id} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {member.token}\r\n\r\n".encode()


def main() -> None:
    with world() as made:
        people = members(made, 1000, 20)
        requests = [request(member, id) for member in people for id in member.items]
        with (
            served("benchmarks.raw_app:app", raw_variables(made, people), made.home / "raw.log", factory=False) as raw,
            served("api_base.main:create_app", environment(made), made.home / "ours.log", factory=True) as ours,
        ):
            rounds = uvloop.run(measure(raw, ours, requests))
    for name, figures in rounds.items():
        show(f"{name}: server CPU a request", figures, "µs")
    ratios = [base / figure for base, figure in zip(rounds["raw"], rounds["ours"], strict=True)]
    show("G4: GET by id, 1,000 tenants, against raw ASGI + asyncpg", ratios, "", owed=">= 0.40 (0.70 later)")


def raw_variables(made: World, people: Sequence[Member]) -> dict[str, str]:
    tenants = made.home / "tenants.json"
    tenants.write_text(json.dumps({f"Bearer {member.token}": str(member.tenant) for member in people}))
    return {"RAW_URL": made.admin, "RAW_TENANTS": str(tenants)}


async def measure(raw: tuple[int, int], ours: tuple[int, int], requests: Sequence[bytes]) -> dict[str, list[float]]:
    for one in requests[::5000]:
        assert json.loads(await fetch(raw[1], one)) == json.loads(await fetch(ours[1], one))
    rounds: dict[str, list[float]] = {"raw": [], "ours": []}
    for turn in range(ROUNDS + 1):
        for name, (pid, port) in (("raw", raw), ("ours", ours)):
            before = cpu_seconds(pid)
            await load(port, requests, REQUESTS)
            if turn:
                rounds[name].append((cpu_seconds(pid) - before) / REQUESTS * 1e6)
        await asyncio.sleep(0)
    return rounds
