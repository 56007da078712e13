"""Messages between services: sent like local messages, and served to other services."""

from api_base.application.common.remote.service import RemoteService
from api_base.application.common.remote.transport import NotServed, RemoteBus, RemoteCall, RemoteTransport

__all__ = ["NotServed", "RemoteBus", "RemoteCall", "RemoteService", "RemoteTransport"]
