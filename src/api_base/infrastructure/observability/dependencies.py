"""The figures of outbound dependencies, as the words of a counters' slot and as Prometheus' families."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from api_base.core.protocols import CircuitState, DependencyFigures

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_STATES: Final = tuple(CircuitState)
TOTALS: Final = {
    "calls": "Calls of a dependency that were answered, each attempt for itself.",
    "failures": "Calls of a dependency that failed.",
    "slow": "Calls of a dependency that were answered slowly.",
    "refused": "Calls of a dependency that were not sent: its circuit was open or its bulkhead full.",
    "retries": "Attempts after a first one.",
    "openings": "How often the circuit opened.",
}
LEVELS: Final = {
    "in_flight": "Calls of a dependency under way.",
    "queued": "Calls of a dependency that wait for room in its bulkhead.",
}


def words(figures: DependencyFigures) -> Sequence[int]:
    """The state, then totals, then levels."""
    return [_STATES.index(figures.state), *(getattr(figures, name) for name in (*TOTALS, *LEVELS))]


def families(processes: Sequence[tuple[int | None, Mapping[str, Sequence[int]]]]) -> "Iterator[Metric]":
    """Of each process its id, None for a dead one, and the words by dependency. Totals are summed up, those of the dead included."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    for index, (name, documentation) in enumerate(TOTALS.items(), 1):
        totals: dict[str, int] = {}
        for _, dependencies in processes:
            for dependency, found in dependencies.items():
                totals[dependency] = totals.get(dependency, 0) + found[index]
        counter = CounterMetricFamily(f"dependency_{name}", documentation, labels=("dependency",))
        for dependency, total in sorted(totals.items()):
            counter.add_metric((dependency,), total)
        yield counter
    alive = [(str(pid), dependencies) for pid, dependencies in processes if pid is not None]
    for index, (name, documentation) in enumerate(LEVELS.items(), 1 + len(TOTALS)):
        level = GaugeMetricFamily(f"dependency_{name}", documentation, labels=("dependency", "pid"))
        for pid, dependencies in alive:
            for dependency, found in dependencies.items():
                level.add_metric((dependency, pid), found[index])
        yield level
    yield _states(alive)


def _states(alive: Sequence[tuple[str, Mapping[str, Sequence[int]]]]) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily("dependency_circuit_state", "1 for the state that the circuit is in.", labels=("dependency", "state", "pid"))
    for pid, dependencies in alive:
        for dependency, found in dependencies.items():
            for index, state in enumerate(_STATES):
                family.add_metric((dependency, state.value, pid), int(found[0] == index))
    return family
