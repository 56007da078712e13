"""`RemoteBus` over RabbitMQ."""

from collections.abc import Awaitable, Callable
from typing import Final

from api_base.application.common.cqrs import Command, Message, Query, answer_of
from api_base.application.common.remote import RemoteBus, RemoteCall, RemoteTransport
from api_base.core.errors import Conflict, ProgrammingError
from api_base.core.protocols import PeriodicTask, Probe
from api_base.core.shared.trace_context import TraceContext
from api_base.core.shared.trace_units import CLIENT, traceparent
from api_base.core.shared.tracing import span
from api_base.core.types import NO_REQUEST, DryRun, current_context
from api_base.infrastructure.rabbitmq.connection import RabbitMqConnection, check
from api_base.infrastructure.remote.rabbitmq_rpc import RabbitMqRpcClient, RabbitMqRpcServer
from api_base.infrastructure.resilience.patterns import Policy
from api_base.infrastructure.serialization.result_codec import decode_result, encode_result

POLL: Final = 1.0
"""Seconds before a lost connection is opened again."""


class RabbitMqRemoteBus(RemoteBus):
    """An attempt may take `seconds`."""

    def __init__(self, client: RabbitMqRpcClient, seconds: float) -> None:
        self._client, self._seconds = client, seconds

    async def execute[T](self, message: Message[T], *, key: str | None = None) -> T:
        name = getattr(type(message), "remote", None)
        if not isinstance(name, str):
            raise ProgrammingError(
                f'{type(message).__name__} does not name a message of another service: declare remote = "<context>.<message>".'
            )
        if isinstance(message, Command) and isinstance((current_context.get(None) or NO_REQUEST).origin, DryRun):
            raise Conflict("The command changes another service, which cannot be undone. Call it without dry_run.")
        attributes = {"rpc.system.name": "api_base", "rpc.method": name, "server.address": self._client.service}
        with span(name, attributes, kind=CLIENT) as called:
            return await self._call(message, name, key, traceparent(called))

    async def _call[T](self, message: Message[T], name: str, key: str | None, sent: str) -> T:
        context = current_context.get(None) or NO_REQUEST
        call = RemoteCall(
            name=name,
            body=encode_result(message),
            seconds=self._seconds,
            access_token=context.access_token,
            key=key,
            request_id=context.request_id,
            traceparent=str(TraceContext(sent or context.traceparent, context.tracestate, context.baggage)),
        )
        answer = await self._client.call(call, repeatable=key is not None or isinstance(message, Query))
        result: T = decode_result(answer, answer_of(type(message)))
        return result


class RabbitMqRemoteTransport(RemoteTransport, Probe):
    """The remote bus of `service`. `policy_of` returns the policy of another service by its name as a dependency.

    An attempt of a call may take `seconds`; a worker handles `concurrency` messages of other services simultaneously.
    """

    def __init__(
        self,
        url: str,
        service: str,
        policy_of: Callable[[str], Policy],
        seconds: float,
        concurrency: int,
    ) -> None:
        self._url, self._service, self._policy_of = url, service, policy_of
        self._seconds, self._concurrency = seconds, concurrency
        self._connection = RabbitMqConnection(url, service)
        self._buses: dict[str, RabbitMqRemoteBus] = {}

    def to(self, service: str) -> RabbitMqRemoteBus:
        """Return the bus of another service."""
        if service not in self._buses:
            client = RabbitMqRpcClient(self._connection, service, self._policy_of(f"remote {service}"))
            self._buses[service] = RabbitMqRemoteBus(client, self._seconds)
        return self._buses[service]

    def task(self, answer: Callable[[RemoteCall], Awaitable[bytes]]) -> PeriodicTask:
        """Return the task that answers other services."""
        server = RabbitMqRpcServer(self._connection, self._service, answer, self._concurrency)
        return PeriodicTask(name="answer other services", group="remote", interval=POLL, run=server.run, end=server.close)

    async def check(self) -> str:
        """Connect to the broker. Raises `Unavailable`."""
        return await check(self._url)

    async def close(self) -> None:
        """Close the connection; the next use opens it again."""
        await self._connection.close()
