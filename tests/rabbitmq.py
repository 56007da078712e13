"""What tests of RabbitMQ share: connections that end with the test, and queues that do too."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from api_base.application.common.remote import RemoteCall
from api_base.infrastructure.rabbitmq.connection import RabbitMqConnection
from api_base.infrastructure.remote.rabbitmq_rpc import RabbitMqRpcClient, RabbitMqRpcServer
from api_base.infrastructure.remote.rpc_messages import queue_of
from api_base.infrastructure.resilience.circuit_breaker import CircuitBreakerConfig
from api_base.infrastructure.resilience.patterns import BulkheadConfig, Policy, PolicyConfig
from api_base.infrastructure.resilience.retry import RetryConfig
from api_base.infrastructure.tasks.rabbitmq_queue import RabbitMqJobQueue

PATIENCE = 30.0

type Answer = Callable[[RemoteCall], Awaitable[bytes]]


def new_name() -> str:
    return f"test-{uuid4()}"


def by_way_of(url: str, host: str, port: int) -> str:
    """The same broker at another address, such as a proxy's."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{host}:{port}"))


def policy(*, attempts: int = 5, timeout: float = 10.0, concurrent: int = 100) -> Policy:
    """Retries at short notice, and a circuit that stays closed."""
    return Policy(
        "tests",
        PolicyConfig(
            timeout=timeout,
            bulkhead=BulkheadConfig(concurrent=concurrent, queued=0),
            retry=RetryConfig(attempts=attempts, first_delay=0.05, max_delay=0.5, budget_reserve=1000),
            breaker=CircuitBreakerConfig(minimum_calls=10**6),
        ),
    )


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[RabbitMqConnection]:
    connection = RabbitMqConnection(url, "tests")
    try:
        yield connection
    finally:
        await connection.close()


async def serving(connection: RabbitMqConnection, service: str, answer: Answer, concurrency: int = 10) -> RabbitMqRpcServer:
    server = RabbitMqRpcServer(connection, service, answer, concurrency)
    await server.run()
    return server


@asynccontextmanager
async def served(url: str, answer: Answer, *, concurrency: int = 10) -> AsyncIterator[tuple[str, RabbitMqRpcServer]]:
    """The name of a service that answers so, and who does. It and its queue end with the block."""
    service = new_name()
    async with connected(url) as connection:
        server = await serving(connection, service, answer, concurrency)
        yield service, server
        await server.close()
        await delete(connection, queue_of(service))


async def delete(connection: RabbitMqConnection, *queues: str) -> None:
    channel = await connection.channel()
    for name in queues:
        queue = await channel.get_queue(name, ensure=False)
        await queue.delete(if_unused=False, if_empty=False)  # quorum queues know neither condition


async def clear(url: str, service: str) -> None:
    """Remove the queues of the service's jobs."""
    async with connected(url) as connection:
        queue = RabbitMqJobQueue(connection, service, policy())
        await delete(connection, queue.name, queue.retry_name, queue.dead_name)


def client(connection: RabbitMqConnection, service: str, policy: Policy) -> RabbitMqRpcClient:
    return RabbitMqRpcClient(connection, service, policy)


def call(name: str = "echo", body: bytes = b'"hello"', *, seconds: float = 10.0, key: str | None = None) -> RemoteCall:
    return RemoteCall(name=name, body=body, seconds=seconds, key=key)


async def until(look: Callable[[], bool], what: str) -> None:
    """Wait for what `look` tells. Fails the test when that takes too long."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not look():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {PATIENCE:g} s") from None
