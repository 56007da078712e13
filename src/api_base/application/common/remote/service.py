"""Execute messages for other services, by the same rules as over HTTP.

The access token names the caller, the pipeline checks current permissions, and refusals go to the audit trail. The service trusts no other statement of a caller about itself.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from api_base.application.common.cqrs import Bus, Command, Message
from api_base.application.common.remote.transport import NotServed, RemoteCall
from api_base.core.errors import Forbidden, Invalid, Unauthenticated, Unavailable
from api_base.core.protocols import AccessLookup, AuditStore, TokenVerifier
from api_base.core.shared.trace_context import TraceContext
from api_base.core.shared.trace_units import SERVER, unit
from api_base.core.types import (
    KeyedExecution,
    KeyedRequest,
    RequestContext,
    current_context,
    parent_of,
    request_user,
    valid_request_id,
)
from api_base.core.types.idempotency_keys import MAX_KEY_LENGTH, fingerprint, key_digest


class RemoteService:
    """`served` are the messages by name.

    `decode` converts JSON to a message, or raises `ValueError`; `encode` converts a result to JSON.
    """

    def __init__(
        self,
        bus: Bus,
        served: Mapping[str, type[Message[object]]],
        verifier: TokenVerifier,
        access: AccessLookup,
        audit: AuditStore[Any],
        *,
        decode: Callable[[bytes, Any], Any],
        encode: Callable[[Any], bytes],
    ) -> None:
        self._bus, self._served = bus, served
        self._verifier, self._access, self._audit = verifier, access, audit
        self._decode, self._encode = decode, encode

    async def answer(self, call: RemoteCall) -> bytes:
        """Return the result as JSON.

        Raises the errors of the pipeline, `NotServed` for an unknown message, and `Unavailable` after the time limit and for a redelivered
        command without a key.
        """
        context = _context(call)
        name = call.name if call.name in self._served else "unknown message"  # a caller must not choose the names of spans
        attributes = {"rpc.system.name": "api_base", "rpc.method": name}
        with unit(context, name, attributes, kind=SERVER, parent=context.parent_span_id):
            return await self._in_time(call)

    async def _in_time(self, call: RemoteCall) -> bytes:
        try:
            async with asyncio.timeout(call.seconds) as bound:
                return await self._answer(call, current_context.get())
        except TimeoutError:
            if not bound.expired():
                raise
            raise Unavailable(f"{call.name} did not finish within the time that its caller waits.") from None
        except (Unauthenticated, Forbidden) as error:
            status = 403 if isinstance(error, Forbidden) else 401
            await self._audit.refused(current_context.get(), "REMOTE", call.name, status, error)
            raise

    async def _answer(self, call: RemoteCall, context: RequestContext) -> bytes:
        if call.access_token:
            claims = self._verifier.verify(call.access_token.encode())
            context = context.acting(await self._access.principal(claims), call.access_token)
            current_context.set(context)
        message = self._message(call)
        if call.key is not None:
            current_context.set(context.within(KeyedExecution(request=_keyed(call, call.key))))
        elif call.redelivered and isinstance(message, Command):
            raise Unavailable(f"{call.name} was begun before and may have been executed. Send it with a key, so that it can be retried.")
        return self._encode(await self._bus.execute(message))

    def _message(self, call: RemoteCall) -> Message[Any]:
        wanted = self._served.get(call.name)
        if wanted is None:
            raise NotServed(f"This service has no message {call.name!r}.")
        try:
            message: Message[Any] = self._decode(call.body, wanted)
        except ValueError as error:
            raise NotServed(f"The request is not a valid {call.name}: {error}") from None
        return message


def _context(call: RemoteCall) -> RequestContext:
    bits = secrets.randbits(192)
    sent = TraceContext.received(*TraceContext.parse(call.traceparent))
    trace_id, parent, flags = parent_of(sent.traceparent.encode()) or (f"{bits >> 64:032x}", "", 0)
    return RequestContext(
        request_id=valid_request_id(call.request_id.encode()) or trace_id,
        trace_id=trace_id,
        span_id=f"{bits & 0xFFFFFFFFFFFFFFFF:016x}",
        parent_span_id=parent,
        trace_flags=flags,
        tracestate=sent.tracestate,
        baggage=sent.baggage,
    )


def _keyed(call: RemoteCall, text: str) -> KeyedRequest:
    """Raises `Invalid` for an invalid key, `Unauthenticated` without a user: a key is valid for one user."""
    if not 1 <= len(text) <= MAX_KEY_LENGTH:
        raise Invalid.of("", "key", f"an idempotency key has 1 to {MAX_KEY_LENGTH} characters")
    key = text.encode()
    return KeyedRequest(
        tenant_id=current_context.get().tenant_id,
        user_id=request_user(),
        route=f"REMOTE {call.name}",
        key=key_digest(key),
        fingerprint=fingerprint(key, call.body).digest(),
    )
