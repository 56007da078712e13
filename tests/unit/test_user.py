"""The rules of an identity."""

from datetime import timedelta
from uuid import uuid4

import pytest

from api_base.core.errors import Invalid
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import NAME, User, UserStatus
from api_base.domain.users.errors import AlreadyInStatus, LastAdministrator
from tests.factories.users import NOW, user

ONE_HOUR_LATER = NOW + timedelta(hours=1)


def test_registering_says_so_with_what_others_need() -> None:
    registered = User.register(id=uuid4(), email=EmailAddress.parse("Ana@Example.com"), name="  Ana ", now=NOW)
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


def test_a_changed_password_says_so() -> None:
    some = user()
    some.change_password(ONE_HOUR_LATER)
    assert (some.password_changed_at, some.updated_at) == (ONE_HOUR_LATER, ONE_HOUR_LATER)
    assert [event.name for event in some.collect_events()] == ["users.password_changed.v1"]


def test_deactivated_and_back_once_each() -> None:
    some = user()
    with pytest.raises(AlreadyInStatus, match="already has the status active"):
        some.reactivate(ONE_HOUR_LATER)
    some.deactivate(ONE_HOUR_LATER, 2)
    assert (some.status, some.updated_at) == (UserStatus.DEACTIVATED, ONE_HOUR_LATER)
    with pytest.raises(AlreadyInStatus, match="already has the status deactivated"):
        some.deactivate(ONE_HOUR_LATER, 2)
    some.reactivate(ONE_HOUR_LATER)
    assert some.status is UserStatus.ACTIVE
    assert [event.name for event in some.collect_events()] == ["users.deactivated.v1", "users.reactivated.v1"]


def test_the_last_active_administrator_stays() -> None:
    admin = user(platform_admin=True)
    with pytest.raises(LastAdministrator):
        admin.deactivate(NOW, 1)
    assert (admin.status, admin.collect_events()) == (UserStatus.ACTIVE, [])
    admin.deactivate(NOW, 2)
    with pytest.raises(AlreadyInStatus):
        admin.deactivate(NOW, 1)
    user().deactivate(NOW, 1)
