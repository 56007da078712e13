"""The adapter of `EVENTS__URL` on the database."""

from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter

if TYPE_CHECKING:
    from api_base.application.common.events import EventTransport
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _database(ports: "AdapterPorts") -> "EventTransport":
    from api_base.infrastructure.events.database_publisher import DatabaseEventPublisher, DatabaseEventTransport

    return DatabaseEventTransport(DatabaseEventPublisher(ports.worker_pool, ports.subscribers))


DATABASE: Final = Adapter(
    build=_database, url="database://", summary="The database delivers events to the subscribers of this application."
)
