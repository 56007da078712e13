"""The list of breached passwords: every one on it is found, no other is."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api_base.core.errors import ConfigurationError, Unavailable
from api_base.infrastructure.auth.password_policy import BreachedPasswordFile, NoBreachedPasswords


def written(path: Path, passwords: list[str], *, end: str = "\n", counts: bool = True, last: bool = True) -> Path:
    hashes = sorted(hashlib.sha1(password.encode()).hexdigest().upper() for password in passwords)
    lines = [f"{line}:{1 + number**3 % 10_000_000}" if counts else line for number, line in enumerate(hashes)]
    path.write_bytes((end.join(lines) + (end if last else "")).encode())
    return path


@pytest.mark.parametrize("count", [1, 2, 90, 91, 1000])
@pytest.mark.parametrize(("end", "counts", "last"), [("\n", True, True), ("\r\n", True, False), ("\n", False, False)])
async def test_all_that_are_on_the_list_are_found_and_no_others(tmp_path: Path, count: int, end: str, counts: bool, last: bool) -> None:
    passwords = [f"password {number}" for number in range(count)]
    breached = BreachedPasswordFile(written(tmp_path / "list", passwords, end=end, counts=counts, last=last))
    assert [password for password in passwords if not await breached.contains(password)] == []
    assert [number for number in range(count) if await breached.contains(f"other {number}")] == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    passwords=st.sets(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=300), others=st.sets(st.text(), max_size=20)
)
async def test_it_is_a_set(tmp_path: Path, passwords: set[str], others: set[str]) -> None:
    breached = BreachedPasswordFile(written(tmp_path / "list", list(passwords)))
    for password in passwords | others:
        assert await breached.contains(password) == (password in passwords)


async def test_without_a_list_none_is_known() -> None:
    assert not await NoBreachedPasswords().contains("password")


@pytest.mark.parametrize("content", ["", "password\n", "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8:3\n"])
def test_what_is_no_such_list_is_refused_at_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "list"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="SECURITY__BREACHED_PASSWORDS.*ordered by hash"):
        BreachedPasswordFile(path)


async def test_a_list_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SECURITY__BREACHED_PASSWORDS.*cannot be read"):
        BreachedPasswordFile(tmp_path / "none")
    path = written(tmp_path / "list", ["password"])
    breached = BreachedPasswordFile(path)
    path.unlink()
    with pytest.raises(Unavailable):
        await breached.contains("password")
