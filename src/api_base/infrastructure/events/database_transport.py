"""`EVENTS__URL=database://`: the relay inserts a delivery of each event for each subscription, and `DeliveryConsumer` handles it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from api_base.application.common.events import EventDelivery, Stream
from api_base.core.protocols import EventPublisher, PeriodicTask
from api_base.domain.common.events import DurableSubscription


@dataclass(frozen=True, slots=True)
class DatabaseEventTransport:
    """Implements `EventTransport`. Streams require a log with transactions: they do not run."""

    publisher: EventPublisher

    def tasks(
        self, subscriptions: Sequence[DurableSubscription], streams: Sequence[Stream], delivery: EventDelivery, poll: float
    ) -> Iterable[PeriodicTask]:
        """Return no tasks: there are only the deliveries in the database."""
        return ()
