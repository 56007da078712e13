"""What the adapters of every port on Redis have alike: their URLs, and the client."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from api_base.core.di import Adapter
from api_base.infrastructure.redis.address import CLUSTER, SENTINEL, SINGLE, RedisAddress, address_at

if TYPE_CHECKING:
    from api_base.infrastructure.adapter_ports import AdapterPorts
    from api_base.infrastructure.redis.client import RedisClient


def schemes[T](build: "Callable[[AdapterPorts], T]", summary: str, prefix: str = "") -> "Mapping[str, Adapter[AdapterPorts, T]]":
    """Return the adapters by scheme. `summary` says what one server does; the URLs begin with `prefix`."""

    def validate(url: str) -> None:
        address_at(url.removeprefix(prefix))

    single = Adapter(build=build, url=prefix + SINGLE, summary=summary, validate=validate, extra="redis")
    plain = {
        f"{prefix}redis": single,
        f"{prefix}redis+sentinel": replace(
            single, url=prefix + SENTINEL, summary="The same, on the primary of a service that Redis Sentinel watches."
        ),
        f"{prefix}redis+cluster": replace(single, url=prefix + CLUSTER, summary="The same, on a Redis or Valkey Cluster."),
    }
    tls = {
        scheme.replace("redis", "rediss"): replace(one, url=one.url.replace("redis", "rediss"), summary="The same over TLS.")
        for scheme, one in plain.items()
    }
    return plain | tls


def client(ports: "AdapterPorts", name: str, address: RedisAddress, seconds: float, socket_seconds: float | None = None) -> "RedisClient":
    """Return the client of the dependency `name`. Each call takes at most `seconds`, and callers do without it when it fails.

    A connection ends after `socket_seconds` without an answer, `seconds` by default.
    """
    from api_base.infrastructure.redis.client import RedisClient

    return RedisClient(address, ports.dispensable(name, seconds), socket_seconds or seconds)
