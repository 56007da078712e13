"""Delivers one stored event to one durable subscriber. Its effects in the database happen exactly once, however often it is delivered.

The unit of work writes an inbox row beside the effects of the handler; a second delivery violates its key and rolls back.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from api_base.application.common.middleware.unit_of_work import Transactions
from api_base.core.errors import AlreadyHandled, EventRefused
from api_base.core.protocols import StoredEvent
from api_base.core.shared.tracing import span
from api_base.core.types import NO_USER, Delivery, Principal, RequestContext, TenantId, UserId, current_context
from api_base.domain.common.events import DurableSubscription

HANDLER_TIMEOUT_SECONDS: Final = 30.0
"""Seconds after which a handler is cancelled."""


class EventDelivery:
    """`decode` converts JSON to an instance of the payload class, or raises `ValueError`."""

    def __init__(self, transactions: Transactions, decode: Callable[[bytes, type[Any]], Any]) -> None:
        self._transactions, self.decode = transactions, decode

    async def handle(self, subscription: DurableSubscription, event: StoredEvent) -> None:
        """Deliver the event.

        Raises the error of the handler or the commit, `TimeoutError` for a handler that takes too long, and `EventRefused` for a payload
        that does not match the subscriber's class.
        """
        origin = Delivery(subscription=subscription.name, event_id=event.id)
        token = current_context.set(_context(event, origin))
        try:
            with span(subscription.name, {"event.id": str(event.id), "event.name": event.name}):
                payload = self._payload(subscription, event)
                async with asyncio.timeout(HANDLER_TIMEOUT_SECONDS):
                    await self._transactions.run(subscription.isolation, lambda: subscription.handle(payload), origin)
        except AlreadyHandled:
            return
        finally:
            current_context.reset(token)

    def _payload(self, subscription: DurableSubscription, event: StoredEvent) -> Any:
        try:
            return self.decode(event.payload, subscription.payload)
        except ValueError as error:
            raise EventRefused(event.id, f"it does not match the payload class of {subscription.name}: {error}") from None


def _context(event: StoredEvent, origin: Delivery) -> RequestContext:
    """Return the user who caused the event, in its tenant. Permissions were checked when the user caused it, and are not checked again."""
    user_id = NO_USER if event.actor_id is None else UserId(event.actor_id)
    tenant_id = None if event.tenant_id is None else TenantId(event.tenant_id)
    principal = Principal.without_permissions(user_id, tenant_id)
    return RequestContext.caused_by(event.request_id, event.traceparent, principal, origin)
