"""Pauses between attempts: doubled each time, half of it at random, so that what failed together does not come back together."""

import random


def pause(attempt: int, first: float = 1.0, longest: float = 300.0) -> float:
    """Seconds to wait after the failed `attempt` (from 1).

    >>> 0.5 <= pause(1) <= 1.0 and 150.0 <= pause(20) <= 300.0
    True
    """
    return min(first * 2.0 ** min(attempt - 1, 30), longest) * (0.5 + random.random() / 2)  # noqa: S311 -- jitter is no secret
