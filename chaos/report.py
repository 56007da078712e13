"""What a run says at its end."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from chaos.faults import Stroke
from chaos.journal import Journal, Violation
from chaos.killer import Strokes

SHOWN: Final = 50
"""Violations that are shown; how many more there are is said."""


def in_flight(journal: Journal, strokes: Sequence[Stroke], *, own: bool = False) -> int:
    """On how many strokes a write was sent and not answered: to anybody, or with `own` to whom the stroke fell upon."""
    return sum(any(one.in_flight(stroke.at) and (not own or one.server == stroke.whom) for one in journal.attempts) for stroke in strokes)


def lines(journal: Journal, strokes: Strokes, violations: Sequence[Violation], seconds: float, faults: Sequence[str]) -> Iterator[str]:
    """`faults` are those that there are, by name."""
    hits = strokes.by_fault()
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(journal.acknowledged.items()))
    of_servers = [stroke for stroke in strokes.kills if stroke.whom.startswith("server")]
    yield f"acknowledged writes   {journal.writes} ({kinds}), {len(journal.versions)} versions of {len(journal.items)} items"
    yield f"kills                 {len(strokes.kills)}, and connections cut {len(strokes.cuts)} times"
    yield f"with a write in flight {in_flight(journal, strokes.kills)} of them; to the killed server itself {in_flight(journal, of_servers, own=True)} of {len(of_servers)}"
    yield f"outcomes unknown      {journal.unknown} attempts; {journal.recovered} writes acknowledged after one"
    yield f"answered again        {journal.replays} acknowledged writes sent again"
    for name in faults:
        yield f"    {name:28}{hits.pop(name, 0):5}"
    for name, count in sorted(hits.items()):
        yield f"    {name:28}{count:5}"
    yield f"wall time             {seconds:.0f} s"
    yield from _told(violations)


def _told(violations: Sequence[Violation]) -> Iterator[str]:
    counts = Counter(violation.kind for violation in violations)
    yield f"violations            {len(violations)}" + (
        f" ({', '.join(f'{kind} {count}' for kind, count in counts.items())})" if counts else ""
    )
    yield from (f"  {violation}" for violation in violations[:SHOWN])
    if len(violations) > SHOWN:
        yield f"  and {len(violations) - SHOWN} more"
