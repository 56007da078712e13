"""Exponential backoff with jitter: the delay doubles with each attempt, and half of it is random, so that clients that failed together
do not retry together."""

import random


def delay(attempt: int, first: float = 1.0, maximum: float = 300.0) -> float:
    """Seconds to wait after the failed `attempt` (from 1).

    >>> 0.5 <= delay(1) <= 1.0 and 150.0 <= delay(20) <= 300.0
    True
    """
    return min(first * 2.0 ** min(attempt - 1, 30), maximum) * (0.5 + random.random() / 2)  # noqa: S311 -- jitter is no secret
