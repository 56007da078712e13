"""Clients of the channel `tenant` that reconnect to any server with the position of their last event, and note what they receive."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

BROKEN: Final = (OSError, TimeoutError, EOFError, WebSocketException, httpx2.HTTPError)
"""A connection that ended, or that could not be opened."""
OPENING_SECONDS: Final = 30.0


@dataclass
class Record:
    """`events` are positions and ids in the order of their arrival. `faults` are answers that a client must never get."""

    start: str | None = None
    """The position of the first subscription."""
    resume: str | None = None
    """What the next connection resumes with: a position, or the id of an event of a stream."""
    events: list[tuple[str, str]] = field(default_factory=list)
    recoveries: int = 0
    faults: list[Any] = field(default_factory=list)
    complete: bool = False


class EventClient:
    """One client, of WebSocket or SSE. It ends with the event of the item with the SKU `last`."""

    def __init__(self, ports: Sequence[int], token: str, seed: int, *, streaming: bool, last: str) -> None:
        self._ports, self._token, self._random, self._last = ports, token, random.Random(seed), last
        self._messages = self._stream if streaming else self._socket
        self.record, self.subscribed = Record(), asyncio.Event()

    async def run(self) -> None:
        while not self.record.complete:
            try:
                async for kind, message in self._messages(self._random.choice(self._ports)):
                    self._note(kind, message)
                    if self.record.complete:
                        return
            except BROKEN:
                await asyncio.sleep(self._random.uniform(0.01, 0.1))

    def _note(self, kind: str, message: Any) -> None:
        record = self.record
        if kind == "subscribed":
            if record.start is None:
                record.start = message["position"]
                self.subscribed.set()
            elif message["recovered"] is True:
                record.recoveries += 1
            else:
                record.faults.append(message)
        elif kind == "event":
            event = message.get("event", message)
            record.events.append((message["position"], event["id"]))
            record.complete = event["data"].get("sku") == self._last
        elif kind not in ("authenticated", "end"):
            record.faults.append(message)

    async def _socket(self, port: int) -> AsyncIterator[tuple[str, Any]]:
        headers = {"Authorization": f"Bearer {self._token}"}
        subprotocols = [Subprotocol("api-base.v1")]
        url = f"ws://127.0.0.1:{port}/ws"
        async with connect(url, subprotocols=subprotocols, additional_headers=headers, open_timeout=OPENING_SECONDS, proxy=None) as socket:
            resume = {} if self.record.resume is None else {"position": self.record.resume}
            await socket.send(json.dumps({"type": "subscribe", "channel": "tenant", **resume}))
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "event" or self.record.resume is None:
                    self.record.resume = message.get("position")
                yield message["type"], message

    async def _stream(self, port: int) -> AsyncIterator[tuple[str, Any]]:
        resume = {} if self.record.resume is None else {"Last-Event-ID": self.record.resume}
        headers = {"Authorization": f"Bearer {self._token}", **resume}
        url = f"http://127.0.0.1:{port}/api/v1/events/stream?channels=tenant"
        async with (
            httpx2.AsyncClient(timeout=OPENING_SECONDS, trust_env=False) as http,
            http.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code == 503:  # it stops
                raise OSError(response.status_code)
            assert response.status_code == 200, (await response.aread()).decode()
            fields: dict[str, str] = {}
            async for line in response.aiter_lines():
                name, _, value = line.partition(": ")
                if name:
                    fields[name] = value
                elif "data" in fields:
                    self.record.resume = fields.get("id", self.record.resume)
                    yield fields["event"], json.loads(fields["data"])
                    fields = {}
