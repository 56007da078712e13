"""What the adapters of every port on Redis have alike: their URLs, and the client."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from api_base.core.di import Adapter
from api_base.infrastructure.redis.address import CLUSTER, SENTINEL, SINGLE, address_at

if TYPE_CHECKING:
    from api_base.infrastructure.adapter_ports import AdapterPorts
    from api_base.infrastructure.redis.client import RedisClient


def schemes[T](build: "Callable[[AdapterPorts], T]", summary: str) -> "Mapping[str, Adapter[AdapterPorts, T]]":
    """Return the adapters by scheme. `summary` says what one server does."""
    single = Adapter(build=build, url=SINGLE, summary=summary, validate=_validate, extra="redis")
    plain = {
        "redis": single,
        "redis+sentinel": replace(single, url=SENTINEL, summary="The same, on the primary of a service that Redis Sentinel watches."),
        "redis+cluster": replace(single, url=CLUSTER, summary="The same, on a Redis or Valkey Cluster."),
    }
    tls = {
        scheme.replace("redis", "rediss"): replace(one, url=one.url.replace("redis", "rediss"), summary="The same over TLS.")
        for scheme, one in plain.items()
    }
    return plain | tls


def client(ports: "AdapterPorts", name: str, url: SecretStr, seconds: float) -> "RedisClient":
    """Return the client of the dependency `name`. Each call takes at most `seconds`, and callers do without it when it fails."""
    from api_base.infrastructure.redis.client import RedisClient

    return RedisClient(address_at(url.get_secret_value()), ports.dispensable(name, seconds), seconds)


def _validate(url: str) -> None:
    address_at(url)
