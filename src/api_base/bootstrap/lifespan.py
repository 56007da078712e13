"""Open, drain and close, in order."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette

from api_base.bootstrap.services import Services, opened


def lifespan(services: Services) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """What the server runs around serving. It stops taking requests before the end of it, so the drained are answered."""

    @asynccontextmanager
    async def around(app: Starlette) -> AsyncIterator[None]:
        del app
        container = services.container
        async with opened(services):
            recorder, telemetry = container.recorder, container.telemetry
            recorder.open()
            yield
            recorder.close()
            if telemetry is not None:
                telemetry.close()

    return around
