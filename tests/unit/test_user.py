"""The rules of an identity."""

from datetime import timedelta
from uuid import uuid4

import pytest

from api_base.core.errors import Invalid
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import NAME, User, UserStatus
from api_base.domain.users.errors import AlreadyInStatus
from tests.factories.users import NOW, user

ONE_HOUR_LATER, LOCKOUT = NOW + timedelta(hours=1), timedelta(minutes=5)


def test_registering_says_so_with_what_others_need() -> None:
    registered = User.register(id=uuid4(), email=EmailAddress.parse("Ana@Example.com"), name="  Ana ", password_hash="h", now=NOW)
    (event,) = registered.collect_events()
    assert (event.name, event.aggregate_id) == ("users.registered.v1", registered.id)
    assert (registered.email.value, registered.name, registered.status) == ("ana@example.com", "Ana", UserStatus.ACTIVE)
    assert not registered.platform_admin


@pytest.mark.parametrize("name", ["", "  ", "x" * (NAME.max_length + 1), "a\0b"])
def test_a_name_that_cannot_be_one_changes_nothing(name: str) -> None:
    some = user(name="Ana")
    with pytest.raises(Invalid) as refused:
        some.rename(name, ONE_HOUR_LATER)
    assert [violation.pointer for violation in refused.value.violations] == ["/name"]
    assert (some.name, some.updated_at) == ("Ana", NOW)
    some.rename("x" * NAME.max_length, ONE_HOUR_LATER)
    assert some.updated_at == ONE_HOUR_LATER


def test_failed_logins_lock_for_a_while_and_each_further_one_anew() -> None:
    some = user()
    for _ in range(2):
        some.login_failed(NOW, 3, LOCKOUT)
        assert not some.is_locked(NOW)
    some.login_failed(NOW, 3, LOCKOUT)
    assert some.is_locked(NOW + LOCKOUT - timedelta(microseconds=1))
    assert not some.is_locked(NOW + LOCKOUT)
    assert some.login_failed(NOW + LOCKOUT, 3, LOCKOUT)
    assert some.is_locked(NOW + LOCKOUT)


def test_who_goes_on_trying_does_not_make_an_account_wait_longer() -> None:
    some = user()
    assert some.login_failed(NOW, 1, LOCKOUT)
    assert not some.login_failed(NOW + LOCKOUT / 2, 1, LOCKOUT)
    assert (some.locked_until, some.failed_logins) == (NOW + LOCKOUT, 1)


@pytest.mark.parametrize("new_hash", [None, "dearer"])
def test_a_success_begins_the_count_anew(new_hash: str | None) -> None:
    some = user(password_hash="old")
    for _ in range(3):
        some.login_failed(NOW, 3, LOCKOUT)
    some.login_succeeded(new_hash)
    assert (some.failed_logins, some.is_locked(NOW), some.password_hash) == (0, False, new_hash or "old")
    assert some.collect_events() == []


def test_a_changed_password_unlocks_and_says_so() -> None:
    some = user()
    some.login_failed(NOW, 1, LOCKOUT)
    some.change_password("new", ONE_HOUR_LATER)
    assert (some.password_hash, some.is_locked(NOW), some.failed_logins, some.updated_at) == ("new", False, 0, ONE_HOUR_LATER)
    assert [event.name for event in some.collect_events()] == ["users.password_changed.v1"]


def test_deactivated_and_back_once_each() -> None:
    some = user()
    with pytest.raises(AlreadyInStatus, match="already has the status active"):
        some.reactivate(ONE_HOUR_LATER)
    some.deactivate(ONE_HOUR_LATER)
    assert (some.status, some.updated_at) == (UserStatus.DEACTIVATED, ONE_HOUR_LATER)
    with pytest.raises(AlreadyInStatus, match="already has the status deactivated"):
        some.deactivate(ONE_HOUR_LATER)
    some.reactivate(ONE_HOUR_LATER)
    assert some.status is UserStatus.ACTIVE
    assert [event.name for event in some.collect_events()] == ["users.deactivated.v1", "users.reactivated.v1"]
