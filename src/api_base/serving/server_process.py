"""A server process: it imports while its supervisor prepares the rest, then receives the listening socket and its environment."""

import asyncio
import gc
import json
import os
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

from api_base.core.shared.output import survive_lost_output
from api_base.serving.children import LOGIN, MAX_LINE_BYTES, PREPARE, READY, TEMPORARY
from api_base.serving.signals import block, exit_at_signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from api_base.core.config.server import ServerSettings


def main(descriptor: int) -> None:
    """Receive the listening socket over `descriptor` and serve on it until SIGTERM or SIGINT; open requests are answered.

    Objects created during the start live as long as the process, so the garbage collector starts later and never scans them.
    """
    exit_at_signals()
    survive_lost_output()
    gc.disable()
    import uvloop

    from api_base.bootstrap.application import create_app
    from api_base.bootstrap.configuration import load
    from api_base.infrastructure.db.sources import configured
    from api_base.serving import draining  # noqa: F401 -- imported while the supervisor prepares
    from api_base.serving.first_run import Missing, missing

    channel = socket.socket(fileno=descriptor)
    message, descriptors, _, _ = socket.recv_fds(channel, MAX_LINE_BYTES, 1)
    if not message:
        return
    received = json.loads(message)
    os.environ.update(received["variables"])
    reloading = received["reloading"]
    sys.dont_write_bytecode |= reloading  # compiled files are matched by whole seconds: a second change within one would be missed
    settings, contexts = load("server")
    app = create_app(settings, contexts)  # refuses wrong wiring before anything is prepared
    found = missing(settings, configured(settings), contexts, seed=received["seed"])
    if found is Missing.PREPARATION:
        channel.send(PREPARE)
        if code := int.from_bytes(channel.recv(1)):
            raise SystemExit(code)  # the process that prepares has printed the reason
    elif found is Missing.LOGIN:
        channel.send(LOGIN)
    listener = socket.socket(fileno=descriptors[0])
    serving = serve(app, listener, settings.server, lambda: _report_ready(channel), keep_alive=not reloading)
    gc.freeze()
    gc.enable()
    asyncio.run(serving, loop_factory=uvloop.new_event_loop)
    block()


async def serve(
    app: "FastAPI", listener: socket.socket, server: "ServerSettings", on_started: "Callable[[], None]", *, keep_alive: bool = True
) -> None:
    """Serve inside the lifespan. uvicorn would log an error of the lifespan as a traceback, so it does not run it."""
    import uvicorn

    from api_base.serving.connection import Connection
    from api_base.serving.draining import DrainingServer
    from api_base.serving.open_connections import OpenConnections

    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=server.keep_alive_timeout_seconds,
    )
    async with app.router.lifespan_context(app):
        state = OpenConnections(server, asyncio.get_running_loop().time, keep_alive=keep_alive)
        serving = DrainingServer(
            config, state, shutdown_timeout=server.shutdown_timeout_seconds, on_started=on_started, on_drain=app.state.drain
        )
        await serving.serve(sockets=[listener])


def _report_ready(channel: socket.socket) -> None:
    channel.send(READY)


def exit_with(error: Exception) -> NoReturn:
    """Print the sentence of `error` and exit. Raises `error` if it is an error of the program.

    The code is `TEMPORARY` if the same start may succeed soon: the server starts or stops (57P03), or has no connection to spare (53300).
    """
    from asyncpg import CannotConnectNowError, TooManyConnectionsError

    from api_base.infrastructure.db.errors import sentence_of

    if (sentence := sentence_of(error)) is None:
        raise error
    print(f"api-base: {sentence}", file=sys.stderr)
    raise SystemExit(TEMPORARY if isinstance(error.__cause__, CannotConnectNowError | TooManyConnectionsError) else 2) from None


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except Exception as error:
        exit_with(error)
