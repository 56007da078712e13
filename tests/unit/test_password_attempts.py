"""Wrong passwords: nobody tries many, and nobody makes the owner of an account wait at a known device."""

import asyncio
from itertools import count
from uuid import UUID, uuid4

import pytest

from api_base.core.errors import TooManyRequests, Unavailable
from api_base.core.types import RequestContext, current_context
from api_base.infrastructure.auth.password_attempts import PasswordAttempts
from api_base.infrastructure.auth.password_hasher import WAITING, Argon2PasswordHasher, PasswordThreads
from api_base.infrastructure.rate_limit.memory import MemoryRateLimiter

FAILURES, DELAY = 5, 60.0
ANA = "ana@example.com"
PHONE = uuid4()


class World:
    """An account whose password is "right"."""

    def __init__(self) -> None:
        self.now = 0.0
        attempts = PasswordAttempts(MemoryRateLimiter(now=lambda: self.now), FAILURES, DELAY)
        self.hasher = Argon2PasswordHasher(1, attempts, passes=1, memory=8, lanes=1)
        self._addresses, self._hash = count(1), ""

    async def attempt(
        self, password: str = "wrong", *, account: str = ANA, device: UUID | None = None, address: str | None = None
    ) -> bool | float:
        """Whether the password was right, or the seconds to wait. From an address of its own unless one is given."""
        current_context.set(RequestContext(request_id="test", address=f"2001:db8::{next(self._addresses)}" if address is None else address))
        self._hash = self._hash or await self.hasher.hash("right")
        try:
            good, _ = await self.hasher.verify(password, self._hash, account=account, device=device)
        except TooManyRequests as error:
            return error.retry_after or 0.0
        return good

    async def wrong(self, times: int, *, account: str = ANA, device: UUID | None = None, address: str | None = None) -> int:
        """How many of so many wrong attempts were compared."""
        tried = [await self.attempt(account=account, device=device, address=address) for _ in range(times)]
        return tried.count(False)


async def test_strangers_wait_and_a_known_device_does_not() -> None:
    world = World()
    assert await world.wrong(50) == FAILURES
    assert isinstance(await world.attempt("right"), float), "an unknown device"
    assert await world.attempt("right", device=PHONE, address="203.0.113.7") is True


async def test_a_wait_grows_with_the_attempts_and_never_beyond_the_longest() -> None:
    world = World()
    waits = []
    for _ in range(10 * FAILURES):
        answer = await world.attempt()
        if answer is not False:
            waits.append(answer)
            world.now += answer
            assert await world.attempt() is False, "who waits as long as told may try again"
    assert waits[0] == pytest.approx(DELAY / 16)
    assert waits == sorted(waits)
    assert max(waits) == pytest.approx(DELAY)


@pytest.mark.parametrize("attempts", [100, 1000])
async def test_the_owner_at_an_unknown_device_waits_no_longer_than_the_longest_wait(attempts: int) -> None:
    world = World()
    await world.wrong(attempts)
    wait = await world.attempt("right")
    assert isinstance(wait, float)
    assert wait <= DELAY
    world.now += wait
    assert await world.attempt("right") is True


async def test_a_known_device_is_limited_by_itself_for_each_address() -> None:
    world = World()
    assert await world.wrong(50, device=PHONE, address="203.0.113.7") == FAILURES
    assert await world.attempt("right", device=PHONE, address="203.0.113.8") is True, "a stranger who imitates it elsewhere"
    assert await world.attempt("right", device=uuid4()) is True
    assert await world.attempt("right") is True


async def test_an_address_that_tries_many_accounts_waits() -> None:
    world = World()
    compared = [await world.attempt(account=f"user{number}@example.com", address="198.51.100.7") for number in range(100)]
    assert compared.count(False) == 3 * FAILURES
    assert await world.attempt("right", address="203.0.113.7") is True


async def test_inside_there_is_no_address_to_wait_for() -> None:
    world = World()
    assert [await world.attempt(account=f"user{number}@example.com", address="") for number in range(100)] == [False] * 100


async def test_attempts_at_the_same_time_are_all_counted() -> None:
    world = World()
    await world.attempt("right")
    answers = await asyncio.gather(*(asyncio.create_task(world.attempt()) for _ in range(WAITING)))
    assert answers.count(False) == FAILURES


async def test_a_right_password_costs_nothing_and_a_refusal_charges_nothing() -> None:
    world = World()
    for _ in range(50):
        assert await world.attempt("right") is True
    assert await world.wrong(FAILURES - 1) == FAILURES - 1
    for _ in range(50):
        assert await world.attempt("right") is True
    assert await world.wrong(50) == 1
    world.now += DELAY / 16
    assert await world.attempt("right") is True


async def test_an_unknown_account_is_counted_as_a_known_one() -> None:
    world = World()
    assert [await world.attempt() for _ in range(20)] == [await world.attempt(account="nobody@example.com") for _ in range(20)]


async def test_what_was_not_compared_is_not_charged() -> None:
    world = World()
    await world.attempt("right")
    world.hasher._threads = PasswordThreads(1, "none", waiting=-1)
    for _ in range(50):
        with pytest.raises(Unavailable):
            await world.attempt()
    world.hasher._threads = PasswordThreads(1, "one")
    assert await world.attempt("right") is True
