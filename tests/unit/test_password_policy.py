"""What a password must be."""

import pytest

from api_base.core.errors import Invalid
from api_base.infrastructure.auth.breached import NoBreachedPasswords
from api_base.infrastructure.auth.password_policy import ZxcvbnPasswordPolicy

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
