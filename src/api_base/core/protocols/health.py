"""Whether what is behind us answers."""

from typing import Protocol


class HealthCheck(Protocol):
    """One dependency. `name` appears in the answer of `/health/ready`; without one that is `required` no request can be served."""

    @property
    def name(self) -> str:
        """The dependency, in lower snake_case."""
        ...

    @property
    def required(self) -> bool: ...

    async def check(self) -> None:
        """Ask it something cheap. Any raise means that it is not well; the caller bounds the time."""
        ...
