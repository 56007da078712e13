"""The transport of messages between this service and others."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from api_base.application.common.remote.bus import RemoteBus
from api_base.application.common.remote.call import RemoteCall
from api_base.core.protocols import PeriodicTask


class RemoteTransport(Protocol):
    """The port behind `REMOTE__URL`."""

    def to(self, service: str) -> RemoteBus:
        """Return the bus of another service, named by its `APP_NAME`."""
        ...

    def task(self, answer: Callable[[RemoteCall], Awaitable[bytes]]) -> PeriodicTask:
        """Return the task of the worker that passes the calls of other services to `answer`."""
        ...

    async def close(self) -> None:
        """Close the connection. The next use opens it again."""
        ...
