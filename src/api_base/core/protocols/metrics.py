"""The figures of this application, for whoever scrapes them."""

from typing import Protocol


class Metrics(Protocol):
    """What `/metrics` shows."""

    @property
    def content_type(self) -> str:
        """The media type of `exposition()`."""
        ...

    def exposition(self) -> bytes:
        """All figures of all processes, in Prometheus' text format."""
        ...
