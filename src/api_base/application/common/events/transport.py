"""How stored events reach their subscribers."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from api_base.application.common.events.delivery import EventDelivery
from api_base.application.common.events.stream import Stream
from api_base.core.protocols import EventPublisher, PeriodicTask
from api_base.domain.common.events import DurableSubscription


class EventTransport(Protocol):
    """The port behind `EVENTS__URL`. The worker's relay publishes to it; the database retries and buries what it could not deliver."""

    @property
    def publisher(self) -> EventPublisher:
        """Where the relay publishes."""
        ...

    def tasks(
        self, subscriptions: Sequence[DurableSubscription], streams: Sequence[Stream], delivery: EventDelivery, poll: float
    ) -> Iterable[PeriodicTask]:
        """Return the tasks that deliver published events to `subscriptions` and `streams`, beside the deliveries in the database.

        `poll` is the number of seconds between two looks of a task that found nothing.
        """
        ...
