"""One policy per dependency, by name, for all who call it in this process."""

from collections.abc import Sequence

from api_base.core.protocols import DependencyFigures, HealthCheck
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.resilience.circuit_breaker import StateChange
from api_base.infrastructure.resilience.health import CircuitHealthCheck
from api_base.infrastructure.resilience.policy import Policy, PolicyConfig

logger = get_logger(__name__)


class PolicyRegistry:
    """Makes policies of one `config`. Each change of a circuit is logged."""

    def __init__(self, config: PolicyConfig) -> None:
        self._config = config
        self._policies: dict[str, Policy] = {}

    def policy(self, name: str) -> Policy:
        """That of the dependency `name`, made when it is first asked for."""
        found = self._policies.get(name)
        if found is None:
            found = self._policies[name] = Policy(name, self._config, observers=(_log,))
        return found

    def figures(self) -> Sequence[DependencyFigures]:
        """Of each dependency, as it is now."""
        return [policy.figures() for policy in self._policies.values()]

    def checks(self) -> Sequence[HealthCheck]:
        """One per dependency, for readiness."""
        return [CircuitHealthCheck(policy) for policy in self._policies.values()]


def _log(change: StateChange) -> None:
    logger.warning("circuit_changed", dependency=change.name, before=change.before.value, after=change.after.value)
