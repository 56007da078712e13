"""How stored events reach their subscribers and streams."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from api_base.application.common.events.delivery import EventDelivery
from api_base.core.protocols import EventPublisher, PeriodicTask
from api_base.domain.common.events import DurableSubscription


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecord:
    """A record that a stream produces. `value` has types of JSON. Records of one `key` stay in order."""

    key: str
    value: Mapping[str, object]


class Stream:
    """Derives records of another topic from the events of one name, exactly once. Needs a log with transactions, so it runs with Kafka only.

    The position of the stream is stored under `name` (`<context>.<stream>`), and its records go to the topic of this name.

    The event's JSON is decoded as `payload`, as for a durable subscription. `transform` has no effects and raises nothing: an
    event that it raises for stops the stream until the cause is fixed.
    """

    __slots__ = ("event", "name", "payload", "transform")

    def __init__[P](self, *, name: str, event: str, payload: type[P], transform: Callable[[P], Iterable[StreamRecord]]) -> None:
        """A `transform` that does not take the `payload` does not type-check."""
        self.name: Final = name
        self.event: Final = event
        self.payload: Final[type[object]] = payload
        self.transform: Final[Callable[[Any], Iterable[StreamRecord]]] = transform


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
