"""The application with flags that a test states, instead of those of the database: in process, or behind a socket."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn

from api_base.application.common.cqrs import Registration
from api_base.application.services.feature_flags import CurrentFlags
from api_base.bootstrap.application import create_app
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.config import Settings


@dataclass
class StatedFlags:
    """`contexts` are the built-in ones, without the source of flags. `current` are the flags of the application made of them."""

    current: CurrentFlags = field(init=False)

    @property
    def contexts(self) -> Sequence[Context]:
        return [*(one for one in BUILT_IN if one.name != "flags"), Context(name="stated_flags", handlers=self._keep)]

    def _keep(self, ports: Ports) -> Sequence[Registration]:
        self.current = ports.current_flags
        return ()


@contextmanager
def serving(settings: Settings, flags: StatedFlags) -> Iterator[str]:
    """Yield the base URL of the application on a free port, served by a thread."""
    app = create_app(settings, flags.contexts)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    started = threading.Event()
    startup = server.startup

    async def announced(sockets: object = None) -> None:
        await startup()
        started.set()

    server.startup = announced  # type: ignore[method-assign]
    thread.start()
    assert started.wait(30)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
