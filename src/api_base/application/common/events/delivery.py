"""One stored event to one durable subscriber: its effects in the database happen exactly once, however often it is delivered.

The unit of work writes the inbox beside what the handler does; a second time the inbox refuses, and nothing is done again.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from api_base.application.common.transactions import Transactions
from api_base.core.errors import AlreadyHandled, EventRefused
from api_base.core.protocols import StoredEvent
from api_base.core.shared.tracing import span
from api_base.core.types import NO_USER, Principal, RequestContext, TenantId, UserId, current_context
from api_base.domain.common.events import DurableSubscription

HANDLER_TIMEOUT_SECONDS: Final = 30.0
"""Seconds that a handler may take."""


class EventDelivery:
    """`decode` makes a payload of a class from JSON; it raises `ValueError` where it cannot."""

    def __init__(self, transactions: Transactions, decode: Callable[[bytes, type[Any]], Any]) -> None:
        self._transactions, self.decode = transactions, decode

    async def handle(self, subscription: DurableSubscription, event: StoredEvent) -> None:
        """Raises what the handler or the commit raises, `TimeoutError` for one that takes too long, `EventRefused` for a payload that
        the subscriber's class cannot be made of.
        """
        token = current_context.set(_context(subscription, event))
        try:
            with span(subscription.name, {"event.id": str(event.id), "event.name": event.name}):
                payload = self._payload(subscription, event)
                async with asyncio.timeout(HANDLER_TIMEOUT_SECONDS):
                    await self._transactions.run(subscription.isolation, lambda: subscription.handle(payload))
        except AlreadyHandled:
            return
        finally:
            current_context.reset(token)

    def _payload(self, subscription: DurableSubscription, event: StoredEvent) -> Any:
        try:
            return self.decode(event.payload, subscription.payload)
        except ValueError as error:
            raise EventRefused(event.id, f"{subscription.name} wants another {event.name}: {error}") from None


def _context(subscription: DurableSubscription, event: StoredEvent) -> RequestContext:
    """Whoever caused the event, in its tenant. No permission is looked up: it was when the event was caused."""
    user_id = NO_USER if event.actor_id is None else UserId(event.actor_id)
    tenant_id = None if event.tenant_id is None else TenantId(event.tenant_id)
    context = RequestContext.caused_by(event.request_id, event.traceparent, Principal.without_permissions(user_id, tenant_id))
    context.delivery = (subscription.name, event.id)
    return context
