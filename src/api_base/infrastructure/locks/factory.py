"""The adapters of `LOCKS__URL`."""

from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter
from api_base.infrastructure.locks.leadership import DatabaseLeadership
from api_base.infrastructure.redis import factory as redis
from api_base.infrastructure.redis.address import address_at

if TYPE_CHECKING:
    from api_base.infrastructure.adapter_ports import AdapterPorts
    from api_base.infrastructure.locks.leadership import Leadership

CALL_SECONDS: Final = 1.0


def _database(_: "AdapterPorts") -> "Leadership":
    return DatabaseLeadership()


def _redis(ports: "AdapterPorts") -> "Leadership":
    from api_base.infrastructure.locks.redis_leadership import RedisLeadership

    locks = ports.settings.locks
    return RedisLeadership(
        redis.client(ports, "locks", address_at(locks.url.get_secret_value()), CALL_SECONDS), locks.prefix, locks.lease_seconds
    )


DATABASE: Final = Adapter(build=_database, url="database://", summary="Advisory locks of PostgreSQL.")
REDIS: Final = redis.schemes(_redis, "Leases in Redis or Valkey, fenced by PostgreSQL.")
