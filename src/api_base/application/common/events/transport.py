"""How stored events reach their subscribers."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from api_base.application.common.events.delivery import EventDelivery
from api_base.application.common.events.stream import Stream
from api_base.core.protocols import EventPublisher, PeriodicTask
from api_base.domain.common.events import DurableSubscription


class EventTransport(Protocol):
    """The port behind `EVENTS__URL`.

    The worker's relay publishes to it; the database stores failed deliveries, which are retried and finally dead.
    """

    @property
    def publisher(self) -> EventPublisher:
        """Return the publisher for the relay."""
        ...

    def tasks(
        self, subscriptions: Sequence[DurableSubscription], streams: Sequence[Stream], delivery: EventDelivery, poll: float
    ) -> Iterable[PeriodicTask]:
        """Return the tasks that deliver published events to `subscriptions` and `streams`, in addition to the deliveries in the database.
        `poll` is the number of seconds between two polls of an idle task.
        """
        ...
