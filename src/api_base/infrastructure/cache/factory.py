"""The adapters of `CACHE__URL`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter
from api_base.infrastructure.cache.memory_provider import MemoryCaches

if TYPE_CHECKING:
    from api_base.core.protocols import Caches
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _memory(ports: "AdapterPorts") -> "Caches":
    cache = ports.settings.cache
    return MemoryCaches(cache.max_entries, cache.max_bytes)


def _redis(ports: "AdapterPorts") -> "Caches":
    from api_base.infrastructure.cache.redis_provider import RedisCaches
    from api_base.infrastructure.redis.client import RedisClient, address_at

    cache = ports.settings.cache
    policy = ports.dispensable("redis", cache.timeout_seconds)
    return RedisCaches(RedisClient(address_at(cache.url.get_secret_value()), policy, cache.timeout_seconds), cache.prefix)


def _tiered(ports: "AdapterPorts") -> "Caches":
    from api_base.infrastructure.cache.tiered_provider import TieredCaches
    from api_base.infrastructure.redis.client import RedisClient, address_at

    cache = ports.settings.cache
    address, policy = address_at(_second(cache.url.get_secret_value())), ports.dispensable("redis", cache.timeout_seconds)
    memory = MemoryCaches(cache.max_entries, cache.max_bytes)
    return TieredCaches(RedisClient(address, policy, cache.timeout_seconds), cache.prefix, memory, address)


def _second(url: str) -> str:
    """Return the URL of the second tier."""
    return url.removeprefix("tiered+")


def _validate(url: str) -> None:
    from api_base.infrastructure.redis.client import address_at

    address_at(_second(url))


MEMORY: Final = Adapter(build=_memory, url="memory://", summary="Stores in the memory of each process.")
REDIS: Final = Adapter(
    build=_redis,
    url="redis://user:password@host:port/0",
    summary="Redis or Valkey, shared by all processes.",
    validate=_validate,
    extra="redis",
)
REDIS_TLS: Final = replace(REDIS, url="rediss://user:password@host:port/0", summary="The same over TLS.")
TIERED: Final = replace(
    REDIS, build=_tiered, url="tiered+redis://user:password@host:port/0", summary="The memory of each process, before Redis or Valkey."
)
TIERED_TLS: Final = replace(TIERED, url="tiered+rediss://user:password@host:port/0", summary="The same over TLS.")
