"""The lifespan of the server: open, drain and close, in order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette

from api_base.bootstrap.services import Services, opened
from api_base.infrastructure.realtime.listening import RealtimeDelivery


def lifespan(services: Services) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return the lifespan that the server runs around serving. The server answers all requests before the lifespan ends."""

    @asynccontextmanager
    async def around(app: Starlette) -> AsyncIterator[None]:
        del app
        container = services.container
        delivery = RealtimeDelivery(container.realtime, container.signals, container.access.listener)
        async with opened(services, delivery):
            recorder, telemetry = container.recorder, container.telemetry
            recorder.open()
            yield
            recorder.close()
            if telemetry is not None:
                await asyncio.to_thread(telemetry.close)

    return around
