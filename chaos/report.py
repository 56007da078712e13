"""The report at the end of a run."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from chaos.faults import InjectedFault
from chaos.journal import Journal, Violation
from chaos.killer import InjectedFaults

SHOWN: Final = 50
"""Maximum number of violations to print; the report counts the others."""


def in_flight(journal: Journal, injected: Sequence[InjectedFault], *, own: bool = False) -> int:
    """The number of faults during which a write was in flight: to any process, or with `own` to the target of the fault."""
    return sum(any(one.in_flight(fault.at) and (not own or one.server == fault.target) for one in journal.attempts) for fault in injected)


def lines(
    journal: Journal, injected: InjectedFaults, violations: Sequence[Violation], seconds: float, faults: Sequence[str]
) -> Iterator[str]:
    """The lines of the report. `faults` are the names of all faults."""
    hits = injected.by_fault()
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(journal.acknowledged.items()))
    of_servers = [fault for fault in injected.kills if fault.target.startswith("server")]
    yield f"acknowledged writes   {journal.writes} ({kinds}), {len(journal.versions)} versions of {len(journal.items)} items"
    yield f"kills                 {len(injected.kills)}, and connections cut {len(injected.cuts)} times"
    yield f"with a write in flight {in_flight(journal, injected.kills)} of them; to the killed server itself {in_flight(journal, of_servers, own=True)} of {len(of_servers)}"
    yield f"outcomes unknown      {journal.unknown} attempts; {journal.recovered} writes acknowledged after one"
    yield f"answered again        {journal.replays} acknowledged writes sent again"
    for name in faults:
        yield f"    {name:28}{hits.pop(name, 0):5}"
    for name, count in sorted(hits.items()):
        yield f"    {name:28}{count:5}"
    yield f"wall time             {seconds:.0f} s"
    yield from _violation_lines(violations)


def _violation_lines(violations: Sequence[Violation]) -> Iterator[str]:
    counts = Counter(violation.kind for violation in violations)
    yield f"violations            {len(violations)}" + (
        f" ({', '.join(f'{kind} {count}' for kind, count in counts.items())})" if counts else ""
    )
    yield from (f"  {violation}" for violation in violations[:SHOWN])
    if len(violations) > SHOWN:
        yield f"  and {len(violations) - SHOWN} more"
