"""The errors of the patterns. All are `Unavailable`: at the edge they become a 503 with `Retry-After`."""

from typing import Final

from api_base.core.errors import ConfigurationError, Transient, Unavailable

FAILURES: Final[tuple[type[Exception], ...]] = (Unavailable, Transient, OSError)
"""Errors that mean that a dependency is not healthy; `TimeoutError` and `ConnectionError` are subclasses of `OSError`. Adapters translate
the errors of their driver into the first two."""


class Refused(Unavailable):
    """The call was not sent: it says nothing about the dependency, does not count as a failure, and is not retried here."""


class CircuitOpen(Refused):
    """Too many recent calls failed or were slow. `retry_after` is when the next call may be sent."""


class BulkheadFull(Refused):
    """The number of calls in flight and the number of waiting calls are both at their limit."""


class TimedOut(Unavailable):
    """The dependency did not answer in time. It may or may not have done what was asked."""


def require(holds: bool, config: object, field: str, rule: str) -> None:
    """Raises `ConfigurationError`, naming class, field and value, unless `holds`: a configuration is checked when it is made."""
    if not holds:
        raise ConfigurationError(f"{type(config).__name__}.{field} {rule}, not {getattr(config, field)!r}")
