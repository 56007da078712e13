"""A page of 50 items by MCP against the same page over HTTP, same run: requests per second."""

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import uvloop

from api_base.core.types import SessionId, TenantId, UserId
from api_base.infrastructure.auth.jwt import Ed25519TokenIssuer
from api_base.infrastructure.auth.keys import load as load_keys
from api_base.infrastructure.system import SystemClock
from benchmarks.report import ROUNDS, show
from benchmarks.serving import fetch, load, served
from benchmarks.world import Member, World, environment, members, world

REQUESTS, MEMBERS, HOST = 1000, 50, "127.0.0.1:8000"
REVISIONS = ("2025-11-25", "2026-07-28")


def main() -> None:
    with world() as made:
        people = members(made, MEMBERS, 50)
        requests = {"REST": [rest(one) for one in people]} | {name: [mcp(made, one, name) for one in people] for name in REVISIONS}
        with served("api_base.main:create_app", environment(made), made.home / "ours.log", factory=True) as ours:
            rounds = uvloop.run(measure(ours, requests))
    for name, figures in rounds.items():
        show(f"a page of 50 items by {name}", figures, "/s")
    for name in REVISIONS:
        show(f"MCP {name} against REST", [one / base for one, base in zip(rounds[name], rounds["REST"], strict=True)], "", owed=">= 0.5")


def rest(member: Member) -> bytes:
    return f"GET /api/v2/items HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {member.token}\r\n\r\n".encode()


def mcp(made: World, member: Member, revision: str) -> bytes:
    security = made.settings.security
    issuer = Ed25519TokenIssuer(
        load_keys([], security.key_dir), SystemClock(), issuer=security.issuer, audience=made.settings.mcp_url, seconds=0
    )
    expires = datetime.now(UTC) + timedelta(hours=1)
    token = issuer.issue_scoped(UserId(member.user), SessionId(member.session), TenantId(member.tenant), "read", expires).value
    params: dict[str, object] = {"name": "list_items", "arguments": {}}
    more = ""
    if revision == REVISIONS[1]:
        meta = "io.modelcontextprotocol/"
        params["_meta"] = {
            f"{meta}protocolVersion": revision,
            f"{meta}clientCapabilities": {},
            f"{meta}clientInfo": {"name": "b", "version": "1"},
        }
        more = "Mcp-Method: tools/call\r\nMcp-Name: list_items\r\n"
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    return (
        f"POST /mcp HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {revision}\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def measure(ours: tuple[int, int], requests: dict[str, Sequence[bytes]]) -> dict[str, list[float]]:
    _, port = ours
    page = json.loads(await fetch(port, requests["REST"][0]))
    for name in REVISIONS:
        assert json.loads(await fetch(port, requests[name][0]))["result"]["structuredContent"] == page
    rounds: dict[str, list[float]] = {name: [] for name in requests}
    for turn in range(ROUNDS + 1):
        for name, some in requests.items():
            began = time.perf_counter()
            await load(port, some, REQUESTS)
            seconds = time.perf_counter() - began
            if turn:
                rounds[name].append(REQUESTS / seconds)
        await asyncio.sleep(0)
    return rounds
