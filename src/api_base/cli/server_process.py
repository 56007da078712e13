"""One server process: it imports while its supervisor works out the rest, then is handed the socket and the environment.

What it is handed comes over a socket of its own, whose other end the supervisor holds; when that closes first, it ends.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from api_base.core.errors import ApiBaseError
from api_base.infrastructure.db.embedded.parent_death import die_with_parent

if TYPE_CHECKING:
    from fastapi import FastAPI

LONGEST: Final = 1 << 20
READY: Final = b"r"


class ServerProcess:
    """The supervisor's side. The process begins to import at once, and serves when it is told to."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "api_base.cli.server_process", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )

    def ready(self) -> bool:
        """Whether it serves by now. Never waits."""
        self._channel.setblocking(False)
        try:
            return self._channel.recv(1, socket.MSG_PEEK) == READY
        except BlockingIOError:
            return False

    def serve(self, listener: socket.socket, variables: Mapping[str, str], *, seed: bool) -> None:
        """Hand over the listening socket and environment variables. `seed`: see to a first run."""
        message = json.dumps({"variables": dict(variables), "seed": seed}).encode()
        socket.send_fds(self._channel, [message], [listener.fileno()])


def main(descriptor: int) -> None:
    """The process's side: serve on the socket that is handed over, until SIGTERM; requests in hand are finished."""
    import uvloop

    from api_base.bootstrap.application import create_app
    from api_base.bootstrap.contexts import contexts_of
    from api_base.bootstrap.first_run import prepare
    from api_base.cli.resolving import configured
    from api_base.core.config import load_settings

    channel = socket.socket(fileno=descriptor)
    message, descriptors, _, _ = socket.recv_fds(channel, LONGEST, 1)
    if not message:
        return
    told = json.loads(message)
    os.environ.update(told["variables"])
    settings = load_settings()
    contexts = contexts_of(settings)
    announcement = prepare(settings, configured(settings), contexts, seed=told["seed"])
    if announcement:
        print(announcement, flush=True)
    listener = socket.socket(fileno=descriptors[0])
    serving = _serve(create_app(settings, contexts), listener, channel, int(settings.server.shutdown_timeout))
    asyncio.run(serving, loop_factory=uvloop.new_event_loop)


async def _serve(app: "FastAPI", listener: socket.socket, channel: socket.socket, patience: int) -> None:
    """The lifespan is entered here and not by uvicorn, which would log what it raises as a traceback."""
    import uvicorn

    config = uvicorn.Config(
        app,
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=patience,
    )
    async with app.router.lifespan_context(app):
        channel.send(READY)
        await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except ApiBaseError as error:
        print(f"api-base: {error}", file=sys.stderr)
        raise SystemExit(2) from None
