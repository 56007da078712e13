"""What the patterns raise. All are `Unavailable`: at the edge they become a 503 with `Retry-After`."""

from typing import Final

from api_base.core.errors import Transient, Unavailable

FAILURES: Final[tuple[type[Exception], ...]] = (Unavailable, Transient, OSError)
"""Errors that say that a dependency is not well; `TimeoutError` and `ConnectionError` are among `OSError`'s. Adapters translate
those of their driver into the first two."""


class Refused(Unavailable):
    """The call was not sent: it says nothing about the dependency, is no failure of it, and is not tried again here."""


class CircuitOpen(Refused):
    """Too many calls failed or were slow of late. `retry_after` is when the next may be let through."""


class BulkheadFull(Refused):
    """As many calls as are allowed are under way, and as many as are allowed wait."""


class TimedOut(Unavailable):
    """The dependency did not answer in time. Whether it did what was asked is not known."""
