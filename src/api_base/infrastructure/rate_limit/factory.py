"""The adapters of `RATE_LIMIT__URL`."""

from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter
from api_base.core.protocols import RateLimiter
from api_base.infrastructure.rate_limit.memory import MemoryRateLimiter
from api_base.infrastructure.redis import factory as redis
from api_base.infrastructure.redis.address import address_at

if TYPE_CHECKING:
    from api_base.infrastructure.adapter_ports import AdapterPorts

SOCKET_SECONDS: Final = 1.0
"""The driver's own timeout. The policy ends a call long before; only a connection that nobody waits for lasts as long."""


def _memory(ports: "AdapterPorts") -> RateLimiter:
    table = ports.settings.rate_limit.table
    if table is None:
        return MemoryRateLimiter()
    from api_base.infrastructure.rate_limit.shared import SharedRateLimiter

    return SharedRateLimiter(table)


def _redis(ports: "AdapterPorts") -> RateLimiter:
    from api_base.infrastructure.rate_limit.redis import RedisRateLimiter

    limits = ports.settings.rate_limit
    half = limits.timeout_seconds / 2  # a call may wait for its turn as long as it may take
    address = address_at(limits.url.get_secret_value())
    client = redis.client(ports, "rate-limits", address, half, SOCKET_SECONDS)
    return RedisRateLimiter(client, limits.prefix, _memory(ports), limits.local_share, limits.timeout_seconds)


MEMORY: Final = Adapter(build=_memory, url="memory://", summary="Counts in memory that the server processes of one `api-base serve` share.")
REDIS: Final = redis.schemes(
    _redis, "Counts in Redis or Valkey, which all machines share; without it, in memory, up to a share of each limit."
)
