"""`JOBS__URL=amqp://…`: the tasks of a worker that dispatches jobs to RabbitMQ and runs those that it receives."""

from collections.abc import Iterator

from api_base.core.protocols import PeriodicTask, Probe
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.rabbitmq.connection import RabbitMqConnection, check
from api_base.infrastructure.resilience.patterns import Policy
from api_base.infrastructure.tasks.database_queue import CHANNEL
from api_base.infrastructure.tasks.dispatcher import JobDispatcher
from api_base.infrastructure.tasks.executor import JobExecutor
from api_base.infrastructure.tasks.rabbitmq_queue import RabbitMqJobQueue
from api_base.infrastructure.tasks.rabbitmq_worker import RabbitMqJobWorker
from api_base.infrastructure.tasks.store import SqlJobStore


class RabbitMqJobBackend(Probe):
    """Implements `JobBackend`. Publishing and consuming have a connection each: a broker short of memory blocks those that publish."""

    def __init__(self, url: str, service: str, policy: Policy, pool: ConnectionPool, concurrency: int) -> None:
        self._url, self._service, self._policy, self._pool, self._concurrency = url, service, policy, pool, concurrency

    def tasks(self, store: SqlJobStore, executor: JobExecutor, poll: float) -> Iterator[PeriodicTask]:
        """A dispatcher and a consumer."""
        publishing, consuming = (RabbitMqConnection(self._url, self._service) for _ in range(2))
        queue = RabbitMqJobQueue(publishing, self._service, self._policy)
        dispatcher = JobDispatcher(self._pool, queue)
        yield PeriodicTask(
            name="dispatch jobs to RabbitMQ", group="jobs", interval=poll, run=dispatcher.run, channel=CHANNEL, end=queue.close
        )
        received = RabbitMqJobQueue(consuming, self._service, self._policy)
        worker = RabbitMqJobWorker(consuming, received, store, executor, self._concurrency)
        yield PeriodicTask(name="run jobs", group="jobs", interval=poll, run=worker.run, end=worker.end)

    async def check(self) -> str:
        """Connect to the broker. Raises `Unavailable`."""
        return await check(self._url)
