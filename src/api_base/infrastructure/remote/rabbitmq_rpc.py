"""Requests and replies over RabbitMQ: the caller waits for the reply on its own channel [RabbitMQ, "Direct Reply-to"].

Requests and replies are not written to disk: a caller waits for seconds, and needs no reply after that. A request that is redelivered,
because its server died, is marked: it may have been executed.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import PublishError

from api_base.application.common.remote import RemoteCall
from api_base.core.errors import ApiBaseError, Invalid, ProgrammingError, RequestInProgress, Unavailable
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.rabbitmq.connection import OPERATION_TIMEOUT, RabbitMqConnection, translated
from api_base.infrastructure.rabbitmq.consumer import RabbitMqConsumer
from api_base.infrastructure.remote.rpc_messages import ERROR, MAX_MESSAGE_BYTES, RESULT, call_of, queue_of, reply, request
from api_base.infrastructure.resilience.patterns import Policy
from api_base.infrastructure.serialization.result_codec import decode_error, encode_error, encode_internal_error

logger = get_logger(__name__)

REPLIES: Final = "amq.rabbitmq.reply-to"
MAX_QUEUED: Final = 10_000
"""Requests that the queue of a service holds; the broker refuses any further request."""


class RabbitMqRpcClient:
    """Calls one `service` through `policy`."""

    def __init__(self, connection: RabbitMqConnection, service: str, policy: Policy) -> None:
        self._connection, self.service, self._policy = connection, service, policy
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[AbstractIncomingMessage]] = {}

    async def call(self, call: RemoteCall, *, repeatable: bool) -> bytes:
        """Return the response of the service. Raises its error, or `Unavailable` after the retries of a `repeatable` call."""
        if len(call.body) > MAX_MESSAGE_BYTES:
            raise Invalid.of("", "too_large", f"is too large to be sent to {self.service}: at most {MAX_MESSAGE_BYTES} bytes")
        return await self._policy.execute(lambda: self._attempt(call), idempotent=repeatable)

    async def _attempt(self, call: RemoteCall) -> bytes:
        """Wait for the result of the same keyed request while it is in progress, possibly as our own first attempt.

        This is no failure of the service.
        """
        until = time.monotonic() + call.seconds
        while True:
            with translated(f"calling {self.service}"):
                answer = await self._answer(replace(call, seconds=until - time.monotonic()))
            if answer.type == RESULT:
                return answer.body
            error = decode_error(answer.body)
            if not isinstance(error, RequestInProgress):
                raise error
            await asyncio.sleep(error.retry_after * (0.5 + random.random() / 2))  # noqa: S311 -- jitter is no secret

    async def _answer(self, call: RemoteCall) -> AbstractIncomingMessage:
        channel, id = await self._opened(), uuid4().hex
        answered: asyncio.Future[AbstractIncomingMessage] = asyncio.get_running_loop().create_future()
        self._waiting[id] = answered
        try:
            await channel.default_exchange.publish(request(call, id, REPLIES), queue_of(self.service), mandatory=True)
            return await answered
        except PublishError:
            raise Unavailable(f"No worker of the service {self.service} is connected to this broker.") from None
        finally:
            del self._waiting[id]

    async def _opened(self) -> AbstractChannel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                channel = await self._connection.channel()
                replies = await channel.get_queue(REPLIES, ensure=False)
                await replies.consume(self._replied, no_ack=True, timeout=OPERATION_TIMEOUT)
                channel.close_callbacks.add(self._lost)
                self._channel = channel
            return self._channel

    async def _replied(self, message: AbstractIncomingMessage) -> None:
        waiting = self._waiting.get(message.correlation_id or "")
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def _lost(self, channel: Any, reason: BaseException | None) -> None:
        """A reply arrives on the channel of its request, or never."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError(f"the connection was lost before {self.service} replied"))


class RabbitMqRpcServer:
    """Answers requests to `service`, up to `concurrency` at the same time."""

    def __init__(
        self, connection: RabbitMqConnection, service: str, answer: Callable[[RemoteCall], Awaitable[bytes]], concurrency: int
    ) -> None:
        self._service, self._answer = service, answer
        self._consumer = RabbitMqConsumer(connection, self._declare, self._received, concurrency)
        self.run, self.close = self._consumer.run, self._consumer.close

    async def _declare(self, channel: AbstractChannel) -> AbstractQueue:
        arguments: dict[str, Any] = {"x-max-length": MAX_QUEUED, "x-overflow": "reject-publish"}
        return await channel.declare_queue(queue_of(self._service), durable=True, arguments=arguments, timeout=OPERATION_TIMEOUT)

    async def _received(self, message: AbstractIncomingMessage) -> None:
        """Acknowledge the message after the reply is sent: until then another server may answer it."""
        try:
            call = call_of(message)
        except ValueError as error:
            logger.warning("remote_request_refused", reason=str(error))
            await message.ack()
            return
        if call.seconds > 0:
            kind, body = await self._outcome(call)
            answer = reply(kind, body, message.correlation_id)
            await message.channel.basic_publish(body, routing_key=message.reply_to or "", properties=answer.properties)
        else:
            logger.warning("remote_request_expired", message=call.name, seconds=-call.seconds)
        await message.ack()

    async def _outcome(self, call: RemoteCall) -> tuple[str, bytes]:
        try:
            body = await self._answer(call)
            if len(body) > MAX_MESSAGE_BYTES:
                raise ProgrammingError(
                    f"The result of {call.name} has {len(body)} bytes; the limit is {MAX_MESSAGE_BYTES}: return it in pages."
                )
        except ApiBaseError as error:
            if (encoded := encode_error(error)) is not None:
                return ERROR, encoded
            return ERROR, self._internal_error(call)
        except Exception:
            return ERROR, self._internal_error(call)
        return RESULT, body

    def _internal_error(self, call: RemoteCall) -> bytes:
        logger.exception("remote_request_failed", message=call.name, caused_by=call.request_id)
        return encode_internal_error(call.request_id)
