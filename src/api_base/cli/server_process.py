"""One server process, started by `api-base serve`: imports while PostgreSQL starts, then prepares the database when told to, and serves."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
import uvloop

from api_base.bootstrap import migrations
from api_base.bootstrap.application import create_app
from api_base.bootstrap.database import urls_of
from api_base.bootstrap.installed import installed_contexts
from api_base.cli.parent import Parent
from api_base.core.config import Settings, load_settings
from api_base.core.errors import ApiBaseError


class Server(uvicorn.Server):
    """uvicorn, saying when it serves."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()


def run(parent: Parent) -> None:
    """Obey the orders of `parent` until it says stop, or is gone."""
    orders = parent.orders()
    os.environ.update(orders.environment)
    settings = load_settings()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    parent.watch(settings.server.shutdown_timeout)
    told = prepare(settings) if orders.prepare else None

    def started() -> None:
        if told:
            print(told, flush=True)
        parent.started()

    asyncio.run(_serve(settings, [] if orders.listener is None else [orders.listener], started), loop_factory=uvloop.new_event_loop)


def prepare(settings: Settings) -> str | None:
    """Migrate; in development make what a first run needs. What to tell the developer about it, once."""
    urls, contexts = urls_of(settings), installed_contexts()
    if not migrations.at_head(urls, contexts):
        migrations.up(settings, urls, contexts)
    if settings.environment != "development":
        return None
    from api_base.bootstrap import first_run

    return first_run.prepare(settings, urls)


async def _serve(settings: Settings, sockets: list[socket.socket], started: Callable[[], None]) -> None:
    """The lifespan is entered here and not by uvicorn, which would log what it raises as a traceback."""
    app = create_app(settings, installed_contexts())
    config = uvicorn.Config(
        app,
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(settings.server.shutdown_timeout) or 1,
    )
    async with app.router.lifespan_context(app):
        await Server(config, started).serve(sockets=sockets)


def _end(number: int, frame: FrameType | None) -> None:
    """Before uvicorn takes the signals over, and when it passes them on at its end."""
    del number, frame
    raise SystemExit(0)


if __name__ == "__main__":
    try:
        run(Parent(int(sys.argv[1])))
    except ApiBaseError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
