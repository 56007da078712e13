"""Hashed passwords: argon2id, off the loop, no more at once than allowed, and nothing to learn from the time it takes."""

import asyncio
import re
from typing import Any

import pytest

from api_base.core.errors import Unavailable
from api_base.infrastructure.auth.password_attempts import PasswordAttempts
from api_base.infrastructure.auth.password_hasher import WAITING, Argon2PasswordHasher
from api_base.infrastructure.rate_limit.memory import MemoryRateLimiter

ANYBODY: dict[str, Any] = {"account": "ana@example.com", "device": None}


def attempts() -> PasswordAttempts:
    return PasswordAttempts(MemoryRateLimiter(), 1000, 60)


def hasher(concurrency: int = 2, *, passes: int = 1, memory: int = 8) -> Argon2PasswordHasher:
    return Argon2PasswordHasher(concurrency, attempts(), passes=passes, memory=memory, lanes=1)


async def test_a_password_is_verified_by_its_own_hash_only() -> None:
    some = hasher()
    hashed = await some.hash("correct horse")
    assert await some.verify("correct horse", hashed, **ANYBODY) == (True, None)
    assert await some.verify("correct horsf", hashed, **ANYBODY) == (False, None)
    assert await some.hash("correct horse") != hashed


async def test_by_default_it_costs_what_the_rfc_recommends() -> None:
    assert (await Argon2PasswordHasher(1, attempts()).hash("x")).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_a_cheaper_hash_is_replaced_when_its_password_is_seen() -> None:
    old = await hasher(passes=1).hash("correct horse")
    dear = hasher(passes=2)
    good, new = await dear.verify("correct horse", old, **ANYBODY)
    assert good
    assert new is not None
    assert "t=2" in new
    assert await dear.verify("correct horse", new, **ANYBODY) == (True, None)
    assert await dear.verify("wrong", old, **ANYBODY) == (False, None)


@pytest.mark.parametrize("hashed", [None, "", "!", "plain", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$"])
async def test_without_a_good_hash_nobody_gets_in(hashed: str | None) -> None:
    for password in ("", "x", "!", "plain"):
        assert await hasher().verify(password, hashed, **ANYBODY) == (False, None)


class Counting(Argon2PasswordHasher):
    """Tells which hashes are verified in the pool."""

    def __init__(self) -> None:
        super().__init__(1, attempts(), passes=1, memory=8, lanes=1)
        self.verified: list[str] = []
        verify_and_update = self._hash.verify_and_update

        def counted(password: str | bytes, hash: str | bytes) -> tuple[bool, str | None]:
            self.verified.append(str(hash))
            return verify_and_update(password, hash)

        self._hash.verify_and_update = counted  # type: ignore[method-assign]


async def test_an_unknown_user_costs_a_verification_of_the_same_parameters() -> None:
    some = Counting()
    known = await some.hash("correct horse")
    await some.verify("correct horse", known, **ANYBODY)
    await some.verify("correct horse", None, **ANYBODY)
    of_known, of_nobody = [re.findall(r"[^$]+", hashed) for hashed in some.verified]
    assert of_known[:3] == of_nobody[:3]
    assert [len(part) for part in of_known[3:]] == [len(part) for part in of_nobody[3:]]


async def test_the_same_password_from_another_keyboard_is_the_same() -> None:
    some = hasher()
    composed, decomposed = "caf\u00e9 cr\u00e8me", "cafe\u0301 cre\u0300me"
    assert (await some.verify(decomposed, await some.hash(composed), **ANYBODY))[0]


async def test_odd_text_is_no_accident() -> None:
    some = hasher()
    for password in ("\ud800", "a\0b", "x" * 10_000):
        assert (await some.verify(password, await some.hash(password), **ANYBODY))[0]
        assert not (await some.verify(password + "?", await some.hash(password), **ANYBODY))[0]


async def test_the_loop_goes_on_while_passwords_are_hashed() -> None:
    some = hasher(1, passes=8, memory=8192)
    hashing = asyncio.gather(*(some.hash("correct horse") for _ in range(4)))
    turns = 0
    while not hashing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 4
    assert len(set(await hashing)) == 4


async def test_a_flood_is_refused_at_once_and_those_who_wait_are_served() -> None:
    some = hasher(2)
    hashed = await some.hash("correct horse")
    places = 2 * (1 + WAITING)
    flood = [asyncio.create_task(some.verify("correct horse", hashed, **ANYBODY)) for _ in range(500)]
    results = await asyncio.gather(*flood, return_exceptions=True)
    assert results[:places] == [(True, None)] * places
    assert all(isinstance(result, Unavailable) and result.retry_after > 0 for result in results[places:])
    assert await some.verify("correct horse", hashed, **ANYBODY) == (True, None)


async def test_who_gives_up_leaves_its_place() -> None:
    some = hasher(1)
    waiting = [asyncio.create_task(some.hash("correct horse")) for _ in range(1 + WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await some.hash("correct horse")
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await some.hash("correct horse")
