"""A stream derives records of another topic from the events of one name, exactly once.

Streams need a log with transactions, so they run with Kafka only.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecord:
    """`value` has types of JSON. Records of one `key` stay in order."""

    key: str
    value: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream[P]:
    """The position of the stream is stored under `name` (`<context>.<what it is>`), and its records go to the topic of this name.

    The event's JSON is decoded as `payload`, as for a durable subscription. `transform` has no effects and raises nothing: an
    event that it raises for stops the stream until the cause is fixed.
    """

    name: str
    event: str
    payload: type[P]
    transform: Callable[[P], Iterable[StreamRecord]]
