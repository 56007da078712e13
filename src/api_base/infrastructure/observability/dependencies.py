"""The figures of outbound dependencies, as words of a slot and as Prometheus metric families."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from api_base.core.protocols import CircuitState, DependencyFigures

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_STATES: Final = tuple(CircuitState)
TOTALS: Final = {
    "calls": "Calls to a dependency that were answered; each attempt counts.",
    "failures": "Calls to a dependency that failed.",
    "slow": "Calls to a dependency that were answered slowly.",
    "refused": "Calls to a dependency that were not sent: its circuit was open or its bulkhead full.",
    "retries": "Retries of calls to a dependency.",
    "openings": "Number of times the circuit opened.",
}
LEVELS: Final = {
    "in_flight": "Calls to a dependency in flight.",
    "queued": "Calls to a dependency that wait for its bulkhead.",
}


def words(figures: DependencyFigures) -> Sequence[int]:
    """The state, the totals, then the levels."""
    return [_STATES.index(figures.state), *(getattr(figures, name) for name in (*TOTALS, *LEVELS))]


def families(processes: Sequence[tuple[int | None, Mapping[str, Sequence[int]]]]) -> "Iterator[Metric]":
    """`processes` are ids (None for a dead process) with the words of each dependency. Totals include those of dead processes."""
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

    family = GaugeMetricFamily(
        "dependency_circuit_state", "1 for the current state of the circuit, 0 for the others.", labels=("dependency", "state", "pid")
    )
    for pid, dependencies in alive:
        for dependency, found in dependencies.items():
            for index, state in enumerate(_STATES):
                family.add_metric((dependency, state.value, pid), int(found[0] == index))
    return family
