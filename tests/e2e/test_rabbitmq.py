"""Another service sends messages, and worker processes answer them while workers are stopped and killed."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from api_base.application.common.cqrs import Command, Query
from api_base.application.common.remote import RemoteBus
from api_base.core.errors import Unavailable
from api_base.core.types import RequestContext, current_context
from api_base.infrastructure.remote.remote_bus import RabbitMqRemoteTransport
from api_base.infrastructure.remote.rpc_messages import queue_of
from tests.e2e.conftest import Project
from tests.e2e.processes import Backend, WorkerProcess, run, serving, until, working
from tests.rabbitmq import connected, delete, policy

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Chair:
    id: UUID
    sku: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    sku: str
    name: str = "Chair"
    category: str = "furniture"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddChair(Command[Chair]):
    remote = "items.create"
    details: Details


@dataclass(frozen=True, slots=True, kw_only=True)
class GetChair(Query[Chair]):
    remote = "items.get"
    id: UUID


@dataclass
class Catalogue:
    """A service as processes. `url` is the URL of its broker, `token` an access token of one of its users."""

    project: Project
    backend: Backend
    url: str
    name: str
    token: str
    workers: ExitStack

    def worker(self) -> WorkerProcess:
        """Start another worker and wait until it consumes messages."""
        worker = self.workers.enter_context(working(self.project.home, "--only", "remote", **self.variables))
        until(lambda: "consumer_started" in worker.output, "a worker that answers")
        return worker

    @property
    def variables(self) -> dict[str, str]:
        return {"REMOTE__URL": self.url, "APP_NAME": self.name}

    def ask[T](self, question: Callable[[RemoteBus], Awaitable[T]]) -> T:
        """The answer to `question` of another service, which does not retry."""

        async def asked() -> T:
            transport = RabbitMqRemoteTransport(self.url, "asking", lambda name: policy(attempts=1), 10.0, 1)
            current_context.set(RequestContext(request_id="asking", access_token=self.token))
            try:
                return await question(transport.to(self.name))
            finally:
                await transport.close()

        return asyncio.run(asked())

    def skus(self) -> list[str]:
        """The skus of all stored items, sorted."""
        status, page = self.backend.request("GET", "/api/v1/items?category=furniture&sort=sku&limit=200", token=self.token)
        assert status == 200, page
        return [item["sku"] for item in page["items"]]


@pytest.fixture
def catalogue(project: Project, amqp_url: str) -> Iterator[Catalogue]:
    with _catalogue(project, amqp_url) as one:
        yield one


@contextmanager
def _catalogue(project: Project, url: str) -> Iterator[Catalogue]:
    name = f"catalogue-{uuid4()}"
    with serving(project.home, "--no-worker", APP_NAME=name) as backend, ExitStack() as workers:
        token = project.log_in(backend.ready())
        yield Catalogue(project, backend, url, name, token, workers)

    async def delete_queue() -> None:
        async with connected(url) as connection:
            await delete(connection, queue_of(name))

    asyncio.run(delete_queue())


def test_workers_are_killed_and_no_command_with_a_key_is_lost_or_done_twice(catalogue: Catalogue) -> None:
    first, _ = catalogue.worker(), catalogue.worker()
    before, names = catalogue.skus(), [f"KEYED-{number:03}" for number in range(100)]

    async def add(bus: RemoteBus, sku: str) -> Chair:
        while True:
            try:
                return await bus.execute(AddChair(details=Details(sku=sku)), key=sku)
            except Unavailable:
                await asyncio.sleep(0.05)

    async def question(bus: RemoteBus) -> list[Chair]:
        adding = [asyncio.create_task(add(bus, sku)) for sku in names]
        await until_some_are_done(adding, 10)
        first.process.kill()
        return await asyncio.gather(*adding)

    answered = catalogue.ask(question)
    assert first.process.wait() == -signal.SIGKILL
    assert [chair.sku for chair in answered] == names
    assert len({chair.id for chair in answered}) == len(names)
    assert catalogue.skus() == sorted(before + names)


def test_workers_replace_each_other_and_no_query_fails(catalogue: Catalogue) -> None:
    first = catalogue.worker()
    added = catalogue.ask(lambda bus: bus.execute(AddChair(details=Details(sku="ROLLING"))))

    async def question(bus: RemoteBus) -> int:
        second = await asyncio.to_thread(catalogue.worker)
        ending = asyncio.create_task(asyncio.to_thread(first.end, signal.SIGTERM))
        asked = 0
        while not ending.done() or asked < 200:
            chairs = await asyncio.gather(*(bus.execute(GetChair(id=added.id)) for _ in range(20)))
            assert chairs == [added] * 20
            asked += len(chairs)
        assert await ending == 0, first.output
        assert second.process.poll() is None
        return asked

    assert catalogue.ask(question) >= 200
    assert "Traceback" not in first.output


def test_doctor_reports_on_the_broker(catalogue: Catalogue) -> None:
    done = run(catalogue.project.home, "doctor", **catalogue.variables)
    assert (done.returncode, "ok    remote: RabbitMQ at" in done.stdout) == (0, True), done
    done = run(catalogue.project.home, "doctor", REMOTE__URL="amqp://guest:hidden@127.0.0.1:1/")
    assert (done.returncode, "FAIL  remote: RabbitMQ failed while opening a channel" in done.stdout, "hidden" in done.stdout) == (
        1,
        True,
        False,
    ), done


async def until_some_are_done(tasks: list[asyncio.Task[Chair]], count: int) -> None:
    async with asyncio.timeout(60):
        while sum(task.done() for task in tasks) < count:
            await asyncio.sleep(0.005)
