"""Print figures with their spread, and the requirement."""

import statistics
from collections.abc import Sequence
from math import comb
from typing import Final

ROUNDS: Final = 21
"""Of a timed ratio: as many as its interval needs to leave out the five lowest and the five highest rounds."""
CONFIDENCE: Final = 0.95


def interval(figures: Sequence[float]) -> tuple[float, float] | None:
    """Return the narrowest interval of the median, with equally many rounds below and above it, that holds it with `CONFIDENCE`; None if they are too few.

    It assumes no distribution: the median is below the lowest k + 1 figures with the probability that at most k of n coins show heads.
    """
    ordered, outside, left_out = sorted(figures), 0.0, 0
    while (outside := outside + 2 * comb(len(ordered), left_out) / 2 ** len(ordered)) <= 1 - CONFIDENCE:
        left_out += 1
    return (ordered[left_out - 1], ordered[-left_out]) if left_out else None


def show(what: str, figures: Sequence[float], unit: str, *, owed: str = "") -> None:
    """Print median, minimum and maximum of the rounds, and the interval of the median where there are enough."""
    median = statistics.median(figures)
    spread = f"{min(figures):.4g}–{max(figures):.4g}"
    found = interval(figures)
    likely = "" if found is None else f"; 95 %: {found[0]:.4g}–{found[1]:.4g}"
    print(f"{what:58} {median:8.4g} {unit:6} ({spread}, {len(figures)} rounds{likely}){'  owed ' + owed if owed else ''}", flush=True)
