"""The adapters of `CACHE__URL`."""

from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter
from api_base.infrastructure.cache.memory_provider import MemoryCaches
from api_base.infrastructure.redis import factory as redis
from api_base.infrastructure.redis.address import address_at

if TYPE_CHECKING:
    from api_base.core.protocols import Caches
    from api_base.infrastructure.adapter_ports import AdapterPorts

_TIERED: Final = "tiered+"


def _memory(ports: "AdapterPorts") -> MemoryCaches:
    cache = ports.settings.cache
    return MemoryCaches(cache.max_entries, cache.max_bytes)


def _redis(ports: "AdapterPorts") -> "Caches":
    from api_base.infrastructure.cache.redis_provider import RedisCaches

    cache = ports.settings.cache
    return RedisCaches(redis.client(ports, "redis", address_at(cache.url.get_secret_value()), cache.timeout_seconds), cache.prefix)


def _tiered(ports: "AdapterPorts") -> "Caches":
    from api_base.infrastructure.cache.tiered_provider import TieredCaches

    cache = ports.settings.cache
    address = address_at(cache.url.get_secret_value().removeprefix(_TIERED))
    return TieredCaches(redis.client(ports, "redis", address, cache.timeout_seconds), cache.prefix, _memory(ports), address)


MEMORY: Final = Adapter(build=_memory, url="memory://", summary="Stores in the memory of each process.")
REDIS: Final = redis.schemes(_redis, "Redis or Valkey, shared by all processes.")
TIERED: Final = redis.schemes(_tiered, "The memory of each process, before Redis or Valkey.", _TIERED)
