"""`RemoteBus` over RabbitMQ."""

from collections.abc import Callable
from typing import Any

from api_base.application.common.cqrs import Message, Query, answer_of
from api_base.application.common.remote import RemoteBus, RemoteCall
from api_base.core.errors import ProgrammingError
from api_base.core.types import NO_REQUEST, current_context
from api_base.infrastructure.rabbitmq.connection import RabbitMqConnection
from api_base.infrastructure.remote.rabbitmq_rpc import RabbitMqRpcClient
from api_base.infrastructure.resilience.patterns import Policy


class RabbitMqRemoteBus(RemoteBus):
    """An attempt may take `seconds`. `encode` makes JSON of a message; `decode` makes a result of a type from JSON."""

    def __init__(
        self, client: RabbitMqRpcClient, seconds: float, *, encode: Callable[[Any], bytes], decode: Callable[[bytes, Any], Any]
    ) -> None:
        self._client, self._seconds, self._encode, self._decode = client, seconds, encode, decode

    async def execute[T](self, message: Message[T], *, key: str | None = None) -> T:
        name = getattr(type(message), "remote", None)
        if not isinstance(name, str):
            raise ProgrammingError(
                f'{type(message).__name__} does not name a message of another service: declare remote: ClassVar[str] = "<context>.<message>".'
            )
        context = current_context.get(None) or NO_REQUEST
        call = RemoteCall(
            name=name,
            body=self._encode(message),
            seconds=self._seconds,
            access_token=context.access_token,
            key=key,
            request_id=context.request_id,
            traceparent=context.traceparent,
        )
        answer = await self._client.call(call, repeatable=key is not None or isinstance(message, Query))
        result: T = self._decode(answer, answer_of(type(message)))
        return result


class RabbitMqRemotes:
    """The services behind one broker. `policy_of` returns the policy of a dependency by its name."""

    def __init__(
        self,
        connection: RabbitMqConnection,
        policy_of: Callable[[str], Policy],
        seconds: float,
        *,
        encode: Callable[[Any], bytes],
        decode: Callable[[bytes, Any], Any],
    ) -> None:
        self._connection, self._policy_of, self._seconds = connection, policy_of, seconds
        self._encode, self._decode = encode, decode
        self._buses: dict[str, RabbitMqRemoteBus] = {}

    def to(self, service: str) -> RabbitMqRemoteBus:
        """The bus of the service."""
        if service not in self._buses:
            client = RabbitMqRpcClient(self._connection, service, self._policy_of(f"remote {service}"))
            self._buses[service] = RabbitMqRemoteBus(client, self._seconds, encode=self._encode, decode=self._decode)
        return self._buses[service]
