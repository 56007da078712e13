"""Messages between services: sent like local messages, and served to other services."""

from api_base.application.common.remote.bus import RemoteBus
from api_base.application.common.remote.call import NotServed, RemoteCall
from api_base.application.common.remote.service import RemoteService
from api_base.application.common.remote.transport import RemoteTransport

__all__ = ["NotServed", "RemoteBus", "RemoteCall", "RemoteService", "RemoteTransport"]
