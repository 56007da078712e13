"""Print figures with their spread, and the requirement."""

import statistics
from collections.abc import Sequence


def show(what: str, figures: Sequence[float], unit: str, *, owed: str = "") -> None:
    """Print median, minimum and maximum of the rounds."""
    median = statistics.median(figures)
    spread = f"{min(figures):.4g}–{max(figures):.4g}"
    print(f"{what:58} {median:8.4g} {unit:6} ({spread}, {len(figures)} rounds){'  owed ' + owed if owed else ''}", flush=True)
