"""A server process: it imports while its supervisor prepares the rest, then receives the listening socket and its environment."""

import asyncio
import gc
import json
import os
import socket
import sys
from typing import TYPE_CHECKING

from api_base.core.errors import ApiBaseError
from api_base.serving.children import MAX_LINE_BYTES, READY

if TYPE_CHECKING:
    from fastapi import FastAPI

    from api_base.core.config.server import ServerSettings


def main(descriptor: int) -> None:
    """Receive the listening socket over `descriptor` and serve on it until SIGTERM or SIGINT; open requests are answered.

    Objects created during the start live as long as the process, so the garbage collector starts later and never scans them.
    """
    gc.disable()
    import uvloop

    from api_base.bootstrap.application import create_app
    from api_base.bootstrap.configuration import load
    from api_base.infrastructure.db.sources import configured
    from api_base.serving import draining  # noqa: F401 -- imported while the supervisor prepares
    from api_base.serving.first_run import prepare

    channel = socket.socket(fileno=descriptor)
    message, descriptors, _, _ = socket.recv_fds(channel, MAX_LINE_BYTES, 1)
    if not message:
        return
    received = json.loads(message)
    os.environ.update(received["variables"])
    settings, contexts = load()
    announcement = prepare(settings, configured(settings), contexts, seed=received["seed"])
    if announcement:
        print(announcement, flush=True)
    listener = socket.socket(fileno=descriptors[0])
    serving = _serve(create_app(settings, contexts), listener, channel, settings.server)
    gc.freeze()
    gc.enable()
    asyncio.run(serving, loop_factory=uvloop.new_event_loop)


async def _serve(app: "FastAPI", listener: socket.socket, channel: socket.socket, server: "ServerSettings") -> None:
    """Serve inside the lifespan. uvicorn would log an error of the lifespan as a traceback, so it does not run it."""
    import uvicorn

    from api_base.serving.draining import DrainingConnection, DrainingServer

    config = uvicorn.Config(
        app,
        http=DrainingConnection,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=server.keep_alive_timeout_seconds,
    )
    async with app.router.lifespan_context(app):
        serving = DrainingServer(config, shutdown_timeout=server.shutdown_timeout_seconds, on_started=lambda: _report_ready(channel))
        await serving.serve(sockets=[listener])


def _report_ready(channel: socket.socket) -> None:
    channel.send(READY)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except ApiBaseError as error:
        print(f"api-base: {error}", file=sys.stderr)
        raise SystemExit(2) from None
