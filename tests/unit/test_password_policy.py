"""What a password must be."""

import asyncio
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS
from zxcvbn.matching import L33T_TABLE

from api_base.core.errors import Invalid, Unavailable
from api_base.infrastructure.auth.password_hasher import WAITING
from api_base.infrastructure.auth.password_policy import NoBreachedPasswords, ZxcvbnPasswordPolicy, scored

GOOD = "gravel-otter-lantern-42"


class Known:
    """A list with one password on it."""

    def __init__(self, password: str) -> None:
        self.password = password

    async def contains(self, password: str) -> bool:
        return password == self.password


def policy(breached: Known | None = None, *, min_length: int = 12) -> ZxcvbnPasswordPolicy:
    return ZxcvbnPasswordPolicy(breached or NoBreachedPasswords(), min_length=min_length, min_score=3)


async def codes(password: str, *known: str, using: ZxcvbnPasswordPolicy | None = None) -> list[str]:
    try:
        await (using or policy()).check(password, known=known)
    except Invalid as refused:
        return [violation.code for violation in refused.violations]
    return []


@pytest.mark.parametrize("password", [GOOD, "αβραχάμ τρέχει γρήγορα", "x9$Lq!72mZ@pf", GOOD + "é" * (128 - len(GOOD))])
async def test_good_passwords_of_any_composition(password: str) -> None:
    assert await codes(password, "ana@example.com", "Ana") == []


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "too_short"),
        ("x9$Lq!72mZ@", "too_short"),
        ("e\u0301" * 11, "too_short"),
        (GOOD * 10, "too_long"),
        ("password1234", "too_easy"),
        ("aaaaaaaaaaaaaaaaaaaa", "too_easy"),
        ("qwertyuiop[]", "too_easy"),
        (GOOD + "\ud800", "characters"),
        (GOOD + "\0", "characters"),
    ],
)
async def test_bad_passwords(password: str, code: str) -> None:
    assert await codes(password) == [code]


async def test_every_common_password_of_the_list_in_the_package_is_refused() -> None:
    common = [password for password in FREQUENCY_LISTS["passwords"] if len(password) >= 12]
    assert len(common) > 200
    assert [password for password in common if await codes(password) != ["too_easy"]] == []


async def test_what_others_know_of_the_user_makes_nothing_safer() -> None:
    for password in ("vanderbrook1987", "wilhelmina.vanderbrook", "Wilhelmina-Vanderbrook"):
        assert await codes(password) == []
        assert await codes(password, "ana@example.com") == []
        for known in ("Wilhelmina Vanderbrook", "wilhelmina.vanderbrook@example.com"):
            assert await codes(password, known) == ["too_easy"]


async def test_every_violation_is_told_at_once_where_it_is() -> None:
    using = policy(Known("password1234"))
    assert await codes("password1234", using=using) == ["too_easy", "breached"]
    assert await codes(GOOD, using=policy(Known(GOOD))) == ["breached"]
    with pytest.raises(Invalid) as refused:
        await using.check("password1234", known=(), pointer="/new_password")
    assert {violation.pointer for violation in refused.value.violations} == {"/new_password"}


async def test_the_shortest_length_is_the_settings() -> None:
    assert await codes("x9$Lq!72mZ@", using=policy(min_length=11)) == []


async def test_what_is_too_easy_comes_with_advice() -> None:
    with pytest.raises(Invalid, match="too easy to guess\\. .+"):
        await policy().check("password1234", known=())


SIGNS = "4@8({[<369&#!1/|0$5+7%2"


def readings(password: str) -> int:
    """How many words zxcvbn would read it as: the product of the signs that may stand for each letter."""
    return prod(max(1, len(set(password) & set(signs))) for signs in L33T_TABLE.values())


@given(st.text(st.sampled_from(SIGNS + "aeiost ~é"), min_size=12, max_size=128))
def test_no_password_takes_long_to_score(password: str) -> None:
    shown = scored(password)
    assert readings(shown) <= 8
    assert len(shown) == min(len(password), 72)
    assert len(set(shown)) == len(set(password[:72])), "two signs became one: what was hard to guess looks easy"


@pytest.mark.parametrize("password", ["P@$$w0rd1!", "p4ssw0rd-2-l3t-m3-1n", GOOD, "1234567890"])
def test_what_people_choose_is_scored_as_it_is(password: str) -> None:
    assert scored(password) == password


async def test_signs_only_make_a_good_password() -> None:
    assert readings(SIGNS) > 8
    assert await codes(SIGNS) == []


async def test_who_finds_no_place_is_told_so_at_once() -> None:
    some = policy()
    results = await asyncio.gather(*(some.check(GOOD, known=()) for _ in range(WAITING + 3)), return_exceptions=True)
    assert [type(result) for result in results] == [type(None)] * (WAITING + 1) + [Unavailable] * 2
    await some.check(GOOD, known=())
