"""One transaction per command: the handler, the subscribers to what it did, then the commit; after it, the other subscribers."""

from typing import Any

from api_base.application.common.cqrs.bus import Call
from api_base.application.common.cqrs.commands import Command
from api_base.application.common.cqrs.message import Message
from api_base.core.base import DomainEvent
from api_base.core.protocols.unit_of_work import Isolation, UnitOfWork, UnitOfWorkFactory
from api_base.core.shared.logging import get_logger
from api_base.domain.common.events import Phase, Subscribers

logger = get_logger(__name__)


class UnitOfWorkMiddleware:
    """Begins and ends the unit of work of a command, in the isolation that it declares; queries and `Isolation.NONE` have none."""

    def __init__(self, begin: UnitOfWorkFactory, subscribers: Subscribers) -> None:
        self._begin, self._subscribers = begin, subscribers

    def __call__(self, message_type: type[Message[Any]], call_next: Call) -> Call:
        if not issubclass(message_type, Command) or message_type.isolation is Isolation.NONE:
            return call_next
        isolation = message_type.isolation

        async def in_unit(message: Message[Any]) -> Any:
            async with self._begin(isolation) as unit:
                result = await call_next(message)
                events = await self._in_transaction(unit)
            for event in events:
                await self._after_commit(event)
            return result

        return in_unit

    async def _in_transaction(self, unit: UnitOfWork) -> list[DomainEvent]:
        """Deliver until subscribers cause no further events."""
        delivered: list[DomainEvent] = []
        while events := unit.collect_events():
            for event in events:
                for subscription in self._subscribers.of(event.name, Phase.IN_TRANSACTION):
                    await subscription.deliver(event)
            delivered += events
        return delivered

    async def _after_commit(self, event: DomainEvent) -> None:
        for subscription in self._subscribers.of(event.name, Phase.AFTER_COMMIT):
            try:
                await subscription.deliver(event)
            except Exception:
                logger.exception("subscriber_failed", domain_event=event.name, aggregate_id=str(event.aggregate_id))
