"""A remote call and its reply as AMQP messages [AMQP 0-9-1, section 3.1.1]: their properties and headers."""

import time
from typing import Any, Final

from aio_pika import Message
from aio_pika.abc import AbstractIncomingMessage

from api_base.application.common.remote import RemoteCall
from api_base.core.shared.trace_context import TraceContext

MAX_MESSAGE_BYTES: Final = 4 * 2**20
"""Maximum bytes of a request or a reply."""
RESULT: Final = "result"
ERROR: Final = "error"
JSON: Final = "application/json"


def queue_of(service: str) -> str:
    """Return the name of the queue of requests to a service."""
    return f"remote.{service}"


def request(call: RemoteCall, correlation_id: str, reply_to: str) -> Message:
    """The broker drops the request after its deadline, and the request tells the server the deadline.

    The deadline is a time of the caller's clock: keep the clocks of services synchronized, or they refuse each other's calls.
    """
    headers: dict[str, Any] = {"deadline": repr(time.time() + call.seconds)}
    optional = {
        "authorization": call.access_token,
        "idempotency-key": call.key,
        "x-request-id": call.request_id,
        **dict(TraceContext.parse(call.traceparent).headers()),
    }
    headers |= {name: value for name, value in optional.items() if value}
    return Message(
        call.body,
        headers=headers,
        type=call.name,
        content_type=JSON,
        correlation_id=correlation_id,
        reply_to=reply_to,
        expiration=call.seconds,
    )


def call_of(message: AbstractIncomingMessage) -> RemoteCall:
    """Decode the call of a request. Raises `ValueError` for a message that is not a request."""
    headers = {name: str(value) for name, value in (message.headers or {}).items()}
    if not message.type or not message.reply_to or not message.correlation_id:
        raise ValueError("a request must have type, correlation_id and reply_to")
    return RemoteCall(
        name=message.type,
        body=message.body,
        seconds=float(headers.get("deadline", "0")) - time.time(),
        access_token=headers.get("authorization", ""),
        key=headers.get("idempotency-key"),
        request_id=headers.get("x-request-id", ""),
        traceparent=str(TraceContext(*(headers.get(name, "") for name in TraceContext._fields))),
        redelivered=bool(message.redelivered),
    )


def reply(kind: str, body: bytes, correlation_id: str | None) -> Message:
    """`kind` is `RESULT` or `ERROR`."""
    return Message(body, type=kind, content_type=JSON, correlation_id=correlation_id)
