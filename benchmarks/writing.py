"""Clients that create and change items over persistent connections, each with one request in flight."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

from benchmarks.serving import CONNECTIONS, exchange
from benchmarks.world import Member

CHANGES = 4
"""The number of changes of each item; the last one changes its price."""
WINDOW = 5.0
"""Seconds of each counting window."""


@dataclass
class Writing:
    """`items` counts the acknowledged changes of each item. A refused or unanswered write ends the run."""

    people: Sequence[Member]
    items: Counter[UUID] = field(default_factory=Counter)
    writes: int = 0
    stopped: bool = False
    _numbers: "count[int]" = field(default_factory=count)

    @asynccontextmanager
    async def to(self, port: int) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(self._client(port))
            try:
                yield
            finally:
                self.stopped = True

    async def rates(self, seconds: float) -> list[float]:
        """Writes per second in each window, from now on."""
        windows = max(1, round(seconds / WINDOW))
        found = []
        for _ in range(windows):
            began, before = time.monotonic(), self.writes
            await asyncio.sleep(seconds / windows)
            found.append((self.writes - before) / (time.monotonic() - began))
        return found

    async def _client(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while not self.stopped:
            number = next(self._numbers)
            member = self.people[number % len(self.people)]
            body = {"sku": f"W-{number}", "name": "Chair", "category": "furniture", "prices": [{"amount": "10.00", "currency": "EUR"}]}
            id = UUID(json.loads(await exchange(reader, writer, _request("POST", "", member, body)))["id"])
            self.writes += 1
            self.items[id] = 0
            for turn in range(1, CHANGES + 1):
                change = {"name": f"Chair {turn}"} if turn < CHANGES else {"prices": [{"amount": "11.00", "currency": "EUR"}]}
                await exchange(reader, writer, _request("PATCH", f"/{id}", member, change))
                self.writes += 1
                self.items[id] += 1
        writer.close()


def _request(method: str, path: str, member: Member, content: object) -> bytes:
    body = json.dumps(content)
    head = f"{method} /api/v2/items{path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {member.token}\r\nContent-Type: application/json\r\n"
    return f"{head}If-Match: *\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
