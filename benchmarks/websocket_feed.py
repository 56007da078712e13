"""The server of `websocket_load`: the routes of the tests' shell in one process, on uvloop, and a feed that sends events to all clients.

`python -m benchmarks.websocket_feed DESCRIPTOR RATE` serves on the listening socket of that number until its standard input ends.
"""

import asyncio
import json
import socket as sockets
import sys
import time

import uvloop
from uvicorn import Config

from api_base.core.config import Settings
from api_base.interface.routes import Router
from api_base.interface.websocket.socket import Socket, TextMessage
from api_base.serving.connection import Connection
from api_base.serving.draining import DrainingServer
from api_base.serving.open_connections import OpenConnections
from tests.http_harness import shell

LIMITS = {"max_connections": 5000, "max_connections_per_user": 5000}
ITEM = {
    "type": "event",
    "channel": "tenant",
    "position": "0a1b2c3d4e5f:12345",
    "event": {"name": "items.created.v1", "data": {"name": "x" * 120}},
}
"""About as long as an event of an item."""


async def serve(descriptor: int, rate: float) -> None:
    clients: set[Socket] = set()
    router = Router()

    @router.websocket("/feed")
    async def feed(client: Socket) -> None:
        clients.add(client)
        client.subscribed(True)
        try:
            while True:
                await client.receive()
        finally:
            clients.discard(client)

    settings = Settings(_env_file=None, websocket=LIMITS, rate_limit={"requests": 10**9, "burst": 10**9})
    app = shell(router, settings=settings).app
    config = Config(app, http=Connection, ws="none", lifespan="off", access_log=False, log_config=None, proxy_headers=False)
    loop = asyncio.get_running_loop()
    server = DrainingServer(
        config,
        OpenConnections(settings.server, loop.time),
        shutdown_timeout=1.0,
        on_started=lambda: print("ready", flush=True),
        on_drain=lambda: None,
    )
    loop.add_reader(sys.stdin, lambda: setattr(server, "should_exit", True))
    serving = asyncio.create_task(server.serve(sockets=[sockets.socket(fileno=descriptor)]))
    due = loop.time()
    while not serving.done():
        due = max(due + 1 / rate, loop.time())
        await asyncio.wait([serving], timeout=due - loop.time())
        message = TextMessage(json.dumps({**ITEM, "sent": time.time_ns()}).encode())
        for client in list(clients):
            client.send(message)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])), loop_factory=uvloop.new_event_loop)
