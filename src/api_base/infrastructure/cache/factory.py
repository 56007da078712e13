"""The adapters of `CACHE__URL`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter
from api_base.infrastructure.cache.memory_provider import MemoryCaches
from api_base.infrastructure.redis.address import CLUSTER, SENTINEL, SINGLE, address_at

if TYPE_CHECKING:
    from api_base.core.protocols import Caches
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _memory(ports: "AdapterPorts") -> "Caches":
    cache = ports.settings.cache
    return MemoryCaches(cache.max_entries, cache.max_bytes)


def _redis(ports: "AdapterPorts") -> "Caches":
    from api_base.infrastructure.cache.redis_provider import RedisCaches
    from api_base.infrastructure.redis.client import RedisClient

    cache = ports.settings.cache
    policy = ports.dispensable("redis", cache.timeout_seconds)
    return RedisCaches(RedisClient(address_at(cache.url.get_secret_value()), policy, cache.timeout_seconds), cache.prefix)


def _validate(url: str) -> None:
    address_at(url)


MEMORY: Final = Adapter(build=_memory, url="memory://", summary="Stores in the memory of each process.")
REDIS: Final = Adapter(build=_redis, url=SINGLE, summary="Redis or Valkey, shared by all processes.", validate=_validate, extra="redis")
REDIS_SENTINEL: Final = replace(REDIS, url=SENTINEL, summary="The primary of a service that Redis Sentinel watches.")
REDIS_CLUSTER: Final = replace(REDIS, url=CLUSTER, summary="A Redis or Valkey Cluster.")


def over_tls(adapter: "Adapter[AdapterPorts, Caches]") -> "Adapter[AdapterPorts, Caches]":
    """Return the adapter of the same servers over TLS."""
    return replace(adapter, url=adapter.url.replace("redis", "rediss", 1), summary="The same over TLS.")
