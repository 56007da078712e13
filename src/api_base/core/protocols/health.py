"""Whether what is behind us answers."""

from typing import Protocol, runtime_checkable


class HealthCheck(Protocol):
    """One dependency, as `/health/ready` shows it."""

    @property
    def name(self) -> str:
        """The dependency, in lower snake_case."""
        ...

    @property
    def required(self) -> bool:
        """Whether no request can be served without it: one that is and does not answer makes the process unready."""
        ...

    async def check(self) -> None:
        """Ask it something cheap. Any raise means that it is not well; the caller bounds the time."""
        ...


@runtime_checkable
class Probe(Protocol):
    """An adapter whose service `api-base doctor` can try out. An adapter without a service does not have it."""

    async def check(self) -> str:
        """Connect once, and return which service answered. Raises `Unavailable`. Leaves nothing open."""
        ...
