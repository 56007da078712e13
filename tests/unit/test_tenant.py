"""Tenants, memberships, and who decides about owners."""

from itertools import product
from uuid import uuid4

import pytest

from api_base.core.errors import Forbidden, Invalid
from api_base.core.types import TenantId, UserId
from api_base.domain.common.value_objects import Slug
from api_base.domain.tenants.entities import Membership, Role, Tenant, may_decide, owner_remains
from api_base.domain.tenants.errors import LastOwner, OwnersOnly
from tests.factories.tenants import NOW, membership, tenant


def test_a_new_tenant_says_so() -> None:
    made = Tenant.create(id=uuid4(), name=" Chairs ", slug=Slug.parse("chairs"), now=NOW)
    assert (made.name, made.personal) == ("Chairs", False)
    assert [(event.name, event.aggregate_id) for event in made.collect_events()] == [("tenants.created.v1", made.id)]


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "\0"])
def test_a_name_that_cannot_be_one(name: str) -> None:
    with pytest.raises(Invalid, match="/name"):
        tenant().rename(name, NOW)


def test_a_membership_tells_its_life() -> None:
    ids = {"tenant_id": TenantId(uuid4()), "user_id": UserId(uuid4())}
    some = Membership.begin(id=uuid4(), role=Role.VIEWER, now=NOW, **ids)  # type: ignore[arg-type]
    some.change_role(Role.ADMIN, NOW)
    some.end()
    events = some.collect_events()
    assert [event.name for event in events] == ["tenants.member_added.v1", "tenants.member_role_changed.v1", "tenants.membership_ended.v1"]
    assert {(event.tenant_id, event.user_id) for event in events} == {tuple(ids.values())}  # type: ignore[attr-defined]
    assert [event.role for event in events[:2]] == ["viewer", "admin"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("actor", "affected", "wanted"), list(product(Role, Role, [*Role, None])))
def test_managers_decide_about_members_and_only_owners_about_owners(actor: Role, affected: Role, wanted: Role | None) -> None:
    somebody = membership(uuid4(), role=actor)
    if actor in (Role.MEMBER, Role.VIEWER):
        with pytest.raises(Forbidden, match="no longer manage"):
            may_decide(somebody, affected, wanted)
    elif actor is Role.ADMIN and Role.OWNER in (affected, wanted):
        with pytest.raises(OwnersOnly):
            may_decide(somebody, affected, wanted)
    else:
        may_decide(somebody, affected, wanted)


@pytest.mark.parametrize(("role", "owners", "wanted"), list(product(Role, [1, 2], [*Role, None])))
def test_an_owner_remains(role: Role, owners: int, wanted: Role | None) -> None:
    somebody = membership(uuid4(), role=role)
    if role is Role.OWNER and owners == 1 and wanted is not Role.OWNER:
        with pytest.raises(LastOwner):
            owner_remains(somebody, owners, wanted)
    else:
        owner_remains(somebody, owners, wanted)


@pytest.mark.parametrize("text", ["ab", "a1", "a-b", "a" * 63])
def test_a_slug_has_2_to_63_characters(text: str) -> None:
    assert Slug.parse(text).value == text


@pytest.mark.parametrize("text", ["", "a", "a" * 64, "-a", "a-", "a--b", "A b", "é1"])
def test_what_is_no_slug_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="2 to 63 characters"):
        Slug.parse(text)
