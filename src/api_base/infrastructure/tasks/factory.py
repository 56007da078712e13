"""The adapters of `JOBS__URL`."""

from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter
from api_base.infrastructure.rabbitmq.url import rabbitmq_adapters

if TYPE_CHECKING:
    from api_base.infrastructure.adapter_ports import AdapterPorts
    from api_base.infrastructure.tasks.backend import JobBackend


def _database(ports: "AdapterPorts") -> "JobBackend":
    del ports
    from api_base.infrastructure.tasks.database_worker import DatabaseJobBackend

    return DatabaseJobBackend()


def _rabbitmq(ports: "AdapterPorts") -> "JobBackend":
    from api_base.infrastructure.tasks.rabbitmq_worker import RabbitMqJobBackend

    jobs, service = ports.settings.jobs, ports.settings.app_name
    return RabbitMqJobBackend(jobs.url.get_secret_value(), service, ports.policy("rabbitmq"), ports.worker_pool, jobs.concurrency)


DATABASE: Final = Adapter(build=_database, url="database://", summary="Workers claim jobs from the database.")
RABBITMQ, RABBITMQ_TLS = rabbitmq_adapters(
    _rabbitmq, "RabbitMQ delivers the ids of ready jobs to workers, which claim the jobs from the database."
)
