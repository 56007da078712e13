"""The adapters of `CACHE__URL`."""

from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter
from api_base.infrastructure.cache.memory_provider import MemoryCaches
from api_base.infrastructure.redis import factory as redis

if TYPE_CHECKING:
    from api_base.core.protocols import Caches
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _memory(ports: "AdapterPorts") -> "Caches":
    cache = ports.settings.cache
    return MemoryCaches(cache.max_entries, cache.max_bytes)


def _redis(ports: "AdapterPorts") -> "Caches":
    from api_base.infrastructure.cache.redis_provider import RedisCaches

    cache = ports.settings.cache
    return RedisCaches(redis.client(ports, "redis", cache.url, cache.timeout_seconds), cache.prefix)


MEMORY: Final = Adapter(build=_memory, url="memory://", summary="Stores in the memory of each process.")
REDIS: Final = redis.schemes(_redis, "Redis or Valkey, shared by all processes.")
