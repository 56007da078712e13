"""`RemoteBus` over RabbitMQ."""

from collections.abc import Callable
from typing import Any

from api_base.application.common.cqrs import Message, Query, answer_of
from api_base.application.common.remote import RemoteCall
from api_base.core.errors import ProgrammingError
from api_base.core.types import NO_REQUEST, current_context
from api_base.infrastructure.rabbitmq.connection import RabbitMqConnection
from api_base.infrastructure.remote.rabbitmq_rpc import RabbitMqRpcClient
from api_base.infrastructure.resilience.patterns import Policy


class RabbitMqRemoteBus:
    """Implements `RemoteBus`. An attempt may take `seconds`. `encode` makes JSON of a message; `decode` an answer of a type of JSON."""

    def __init__(
        self, client: RabbitMqRpcClient, seconds: float, *, encode: Callable[[Any], bytes], decode: Callable[[bytes, Any], Any]
    ) -> None:
        self._client, self._seconds, self._encode, self._decode = client, seconds, encode, decode

    async def execute[T](self, message: Message[T], *, key: str | None = None) -> T:
        """As `RemoteBus.execute`."""
        name = getattr(type(message), "remote", None)
        if not isinstance(name, str):
            raise ProgrammingError(f"{type(message).__name__} names no message of another service: remote: ClassVar[str] = ...")
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
    """The services that can be reached by one broker. `policy_of` makes the policy of one by its name as a dependency."""

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
        """The bus of a service."""
        if service not in self._buses:
            client = RabbitMqRpcClient(self._connection, service, self._policy_of(f"remote {service}"))
            self._buses[service] = RabbitMqRemoteBus(client, self._seconds, encode=self._encode, decode=self._decode)
        return self._buses[service]
