"""A stream derives records of another topic from the events of one name, exactly once.

Streams need a log with transactions, so they run with Kafka only.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecord:
    """`value` has types of JSON. Records of one `key` stay in order."""

    key: str
    value: Mapping[str, object]


class Stream:
    """The position of the stream is stored under `name` (`<context>.<stream>`), and its records go to the topic of this name.

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
