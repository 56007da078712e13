"""Delivers one stored event to one durable subscriber. Its effects in the database happen exactly once, however often it is delivered.

The unit of work writes an inbox row beside the effects of the handler; a second delivery violates its key and rolls back.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from api_base.application.common.events.versions import EventVersions
from api_base.application.common.middleware.unit_of_work import Transactions
from api_base.core.errors import AlreadyHandled, EventRefused
from api_base.core.protocols import StoredEvent
from api_base.core.shared.trace_units import CONSUMER, unit
from api_base.core.shared.tracing import Attributes
from api_base.core.types import NO_USER, Delivery, Principal, RequestContext, TenantId, UserId
from api_base.domain.common.events import DurableSubscription

HANDLER_TIMEOUT_SECONDS: Final = 30.0
"""Seconds after which a handler is cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """How an event arrived, for its span: from `destination` of `system`, sent by the span `traceparent`, or an empty text."""

    system: str = "postgresql"
    destination: str = "outbox"
    traceparent: str = ""


STORED: Final = Received()


class EventDelivery:
    """`decode` converts JSON to an instance of the payload class, or raises `ValueError`."""

    def __init__(self, transactions: Transactions, decode: Callable[[bytes, type[Any]], Any], versions: EventVersions) -> None:
        self._transactions, self.decode, self._versions = transactions, decode, versions

    async def handle(self, subscription: DurableSubscription, event: StoredEvent, received: Received = STORED) -> None:
        """Deliver the event in the version that the subscription names, if it has that.

        Raises the error of the handler or the commit, `TimeoutError` for a handler that takes too long, and `EventRefused` for a payload
        that does not match the subscriber's class.
        """
        origin = Delivery(subscription=subscription.name, event_id=event.id)
        context = _context(event, received.traceparent or event.traceparent, origin)
        try:
            with unit(
                context,
                f"process {received.destination}",
                _attributes(subscription, event, received),
                kind=CONSUMER,
                links=[event.traceparent],
            ):
                version = self._versions.named(event, subscription.event)
                if version is None:
                    return
                payload = self._payload(subscription, version)
                async with asyncio.timeout(HANDLER_TIMEOUT_SECONDS):
                    await self._transactions.run(subscription.isolation, lambda: subscription.handle(payload), origin)
        except AlreadyHandled:
            return

    def _payload(self, subscription: DurableSubscription, event: StoredEvent) -> Any:
        try:
            return self.decode(event.payload, subscription.payload)
        except ValueError as error:
            raise EventRefused(event.id, f"it does not match the payload class of {subscription.name}: {error}") from None


def _attributes(subscription: DurableSubscription, event: StoredEvent, received: Received) -> Attributes:
    return {
        "messaging.system": received.system,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": received.destination,
        "messaging.destination.subscription.name": subscription.name,
        "messaging.message.id": str(event.id),
        "cloudevents.event_type": event.name,
    }


def _context(event: StoredEvent, traceparent: str, origin: Delivery) -> RequestContext:
    """Return the user who caused the event, in its tenant. Permissions were checked when the user caused it, and are not checked again."""
    user_id = NO_USER if event.actor_id is None else UserId(event.actor_id)
    tenant_id = None if event.tenant_id is None else TenantId(event.tenant_id)
    principal = Principal.without_permissions(user_id, tenant_id)
    return RequestContext.caused_by(event.request_id, traceparent, principal, origin)
