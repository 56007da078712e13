"""Whether a dependency is called at all, told by its circuit: nothing is sent to find out."""

from api_base.core.errors import Unavailable
from api_base.core.protocols import CircuitState, HealthCheck
from api_base.infrastructure.resilience.policy import Policy


class CircuitHealthCheck(HealthCheck):
    """Not required: what does not need the dependency is served on, and taking this process away would not bring it back."""

    required = False

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    @property
    def name(self) -> str:
        return self._policy.name

    async def check(self) -> None:
        """Raises `Unavailable` until the circuit has closed."""
        state = self._policy.figures().state
        if state is not CircuitState.CLOSED:
            raise Unavailable(f"The circuit is {state.value}.")
