"""What only the limiter in memory promises: it does not grow for ever, and forgets those first to whom it makes no difference."""

from api_base.core.protocols import Rate
from api_base.infrastructure.rate_limit.memory import MemoryRateLimiter
from tests.factories.limits import hit

LIMIT = Rate(1, 1, 1)


async def test_never_more_keys_than_its_capacity() -> None:
    limiter = MemoryRateLimiter(capacity=10, now=lambda: 0.0)
    for number in range(100):
        await hit(limiter, str(number), LIMIT)
        assert len(limiter) <= 10


async def test_the_key_that_was_charged_longest_ago_is_forgotten_first() -> None:
    limiter = MemoryRateLimiter(capacity=2, now=lambda: 0.0)
    wide = Rate(1, 1, 5)
    for key in ("a", "b", "a", "c"):
        await hit(limiter, key, wide)
    assert (await hit(limiter, "a", wide, checked=True)).states[0].remaining == 2
    assert (await hit(limiter, "b", wide, checked=True)).states[0].remaining == 4


async def test_after_a_flood_memory_shrinks_again() -> None:
    seconds = 0.0
    limiter = MemoryRateLimiter(capacity=1000, now=lambda: seconds)
    for number in range(1000):
        await hit(limiter, str(number), LIMIT)
    seconds = 3600.0
    for number in range(500):
        await hit(limiter, f"later {number}", LIMIT)
    assert len(limiter) == 500
