"""A stream made of events: each event of a name becomes records of another topic, exactly once.

Streams need a log with transactions, so they run where events go by way of Kafka, and nowhere else.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecord:
    """`value` is what JSON knows. Records of one `key` stay in order."""

    key: str
    value: Mapping[str, object]


class Stream:
    """`name` (`<context>.<what it is>`) says how far the stream is; its records go to the topic of this name.

    `payload` is made of the event's JSON, as for a durable subscription. `transform` has no effects and refuses nothing: an
    event that it raises for stops the stream until that is mended.
    """

    __slots__ = ("event", "name", "payload", "transform")

    def __init__[P](self, *, name: str, event: str, payload: type[P], transform: Callable[[P], Iterable[StreamRecord]]) -> None:
        """A `transform` that does not take the `payload` does not type-check."""
        self.name: Final = name
        self.event: Final = event
        self.payload: Final[type[object]] = payload
        self.transform: Final[Callable[[Any], Iterable[StreamRecord]]] = transform
