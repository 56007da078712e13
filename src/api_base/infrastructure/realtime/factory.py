"""The adapters of `REALTIME__URL`."""

from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter
from api_base.infrastructure.realtime.signals import DatabaseSignals
from api_base.infrastructure.redis import factory as redis
from api_base.infrastructure.redis.address import address_at

if TYPE_CHECKING:
    from api_base.infrastructure.adapter_ports import AdapterPorts
    from api_base.infrastructure.realtime.signals import Signals

CALL_SECONDS: Final = 1.0


def _database(_: "AdapterPorts") -> "Signals":
    return DatabaseSignals()


def _redis(ports: "AdapterPorts") -> "Signals":
    from api_base.infrastructure.realtime.redis_signals import RedisSignals

    realtime = ports.settings.realtime
    address = address_at(realtime.url.get_secret_value())
    return RedisSignals(redis.client(ports, "realtime", address, CALL_SECONDS), address, realtime.prefix)


DATABASE: Final = Adapter(
    build=_database, url="database://", summary="Notifications of PostgreSQL, sent in the transaction that stores the events."
)
REDIS: Final = redis.schemes(_redis, "Messages of Redis or Valkey, sent after the transaction that stores the events.")
