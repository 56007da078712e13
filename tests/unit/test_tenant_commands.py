"""TenantFactory, renaming, joining, leaving: what happens to a tenant and its members, and who may."""

from uuid import UUID, uuid4

import pytest

from api_base.application.tenants.commands.add_member import AddMember, AddMemberHandler
from api_base.application.tenants.commands.change_member_role import ChangeMemberRole, ChangeMemberRoleHandler
from api_base.application.tenants.commands.change_plan import ChangePlan, ChangePlanHandler
from api_base.application.tenants.commands.create_tenant import (
    CreateTenant,
    CreateTenantHandler,
    Registered,
    TenantFactory,
)
from api_base.application.tenants.commands.remove_member import LeaveTenant, LeaveTenantHandler, RemoveMember, RemoveMemberHandler
from api_base.application.tenants.commands.rename_tenant import RenameTenant, RenameTenantHandler
from api_base.core.errors import Forbidden, Invalid, NotFound, StaleVersion
from api_base.core.types import TenantId, UserId
from api_base.domain.common.events import Subscription
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Role
from api_base.domain.tenants.errors import LastOwner, OwnersOnly
from api_base.domain.users.entities import User
from tests.factories.auth import principal, request_of
from tests.factories.memory import MemoryMemberships, MemoryTenants
from tests.factories.tenants import NOW, membership, tenant
from tests.support import FixedClock, Ids


class Known:
    """The port `Identities`: one active user."""

    def __init__(self, email: str, id: UUID) -> None:
        self.email, self.id = email, id

    async def id_of(self, email: str) -> UserId | None:
        return UserId(self.id) if email == self.email else None


class World:
    """A tenant with one member of each role of `roles`, and one of another tenant; the request is the first member's."""

    def __init__(self, *roles: Role) -> None:
        self.clock, self.newcomer, self.tenant = FixedClock(NOW), uuid4(), tenant()
        self.members = [membership(self.tenant.id, role=role) for role in roles]
        self.foreigner = membership(uuid4(), role=Role.OWNER)
        self.tenants, self.memberships = MemoryTenants(self.tenant), MemoryMemberships(*self.members, self.foreigner)
        founding = TenantFactory(self.tenants, self.memberships, Ids(), self.clock)
        self.create, self.found = CreateTenantHandler(founding), founding.create_personal
        self.rename = RenameTenantHandler(self.tenants, self.clock)
        self.change_plan = ChangePlanHandler(self.tenants, ("standard", "pro"), self.clock)
        self.add = AddMemberHandler(self.memberships, Known("new@example.com", self.newcomer), Ids(), self.clock, direct=True)
        self._change = ChangeMemberRoleHandler(self.memberships, self.clock)
        self._remove = RemoveMemberHandler(self.memberships)
        self._leave = LeaveTenantHandler(self.memberships)
        self.act(0)

    def act(self, number: int) -> None:
        user_id = self.members[number].user_id if number < len(self.members) else UserId(uuid4())
        request_of(principal(user_id=user_id, tenant_id=TenantId(self.tenant.id)))

    def roles(self) -> list[Role]:
        return [member.role for member in self.memberships.all() if member.tenant_id == self.tenant.id]

    async def change(self, number: int, role: Role, version: int | None = None) -> None:
        user_id = self.members[number].user_id
        await self._change.handle(ChangeMemberRole(tenant_id=self.tenant.id, user_id=user_id, expected_version=version, role=role))

    async def remove(self, user_id: UserId, version: int | None = None) -> None:
        await self._remove.handle(RemoveMember(tenant_id=self.tenant.id, user_id=user_id, expected_version=version))

    async def leave(self) -> None:
        await self._leave.handle(LeaveTenant(tenant_id=self.tenant.id))


OWNER, ADMIN, MEMBER, VIEWER = Role


async def test_a_founder_is_the_first_owner() -> None:
    world = World()
    request_of(principal(user_id=UserId(world.newcomer), tenant_id=None))
    made = await world.create.handle(CreateTenant(name=" Chairs ", slug="chairs"))
    assert (made.name, made.slug, made.personal, made.version) == ("Chairs", "chairs", False, 1)
    (member,) = [member for member in world.memberships.all() if member.tenant_id == made.id]
    assert (member.user_id, member.role) == (world.newcomer, OWNER)


@pytest.mark.parametrize(("name", "slug", "pointer"), [("", "chairs", "/name"), ("Chairs", "Chairs!", "/slug")])
async def test_what_cannot_be_founded_is_named(name: str, slug: str, pointer: str) -> None:
    world = World(OWNER)
    with pytest.raises(Invalid) as refused:
        await world.create.handle(CreateTenant(name=name, slug=slug))
    assert [violation.pointer for violation in refused.value.violations] == [pointer]
    assert len(world.tenants.all()) == 1


async def test_a_registration_founds_a_personal_tenant_from_the_event_as_it_is() -> None:
    world = World()
    ana = User.register(id=uuid4(), email=EmailAddress.parse("ana@example.com"), name="Ana", now=NOW)
    (event,) = ana.collect_events()
    await Subscription(event.name, Registered, world.found).deliver(event)
    (made,) = [kept for kept in world.tenants.all() if kept.personal]
    (member,) = [member for member in world.memberships.all() if member.tenant_id == made.id]
    assert (made.name, member.user_id, member.role) == ("Ana", ana.id, OWNER)
    assert made.slug == type(made.slug).parse(made.slug.value)


async def test_a_tenant_is_renamed_where_the_name_is_another() -> None:
    world = World(OWNER)
    for name in (None, world.tenant.name, f" {world.tenant.name} "):
        assert (await world.rename.handle(RenameTenant(id=world.tenant.id, expected_version=1, name=name))).version == 1
    assert (await world.rename.handle(RenameTenant(id=world.tenant.id, expected_version=1, name="Tables"))).version == 2
    with pytest.raises(StaleVersion):
        await world.rename.handle(RenameTenant(id=world.tenant.id, expected_version=1, name="Chairs"))


async def test_the_plan_of_any_tenant_changes_to_one_of_the_plans() -> None:
    world = World(OWNER)
    request_of(principal(tenant_id=None))
    id = TenantId(world.tenant.id)
    assert (await world.change_plan.handle(ChangePlan(id=id, expected_version=1, plan="standard"))).version == 1
    changed = await world.change_plan.handle(ChangePlan(id=id, expected_version=1, plan="pro"))
    assert (changed.plan, changed.version) == ("pro", 2)
    with pytest.raises(StaleVersion):
        await world.change_plan.handle(ChangePlan(id=id, expected_version=1, plan="standard"))
    with pytest.raises(NotFound):
        await world.change_plan.handle(ChangePlan(id=TenantId(uuid4()), expected_version=None, plan="pro"))
    with pytest.raises(Invalid, match="must be a plan of this server: standard, pro") as refused:
        await world.change_plan.handle(ChangePlan(id=id, expected_version=None, plan="gold"))
    assert [violation.pointer for violation in refused.value.violations] == ["/plan"]
    assert [kept.plan for kept in world.tenants.all()] == ["pro"]


async def test_another_tenant_than_the_tokens_is_not_there_for_anything() -> None:
    world, other = World(OWNER, OWNER), uuid4()
    member = world.members[1].user_id
    for attempt in (
        world.rename.handle(RenameTenant(id=other, expected_version=None, name="x")),
        world.add.handle(AddMember(tenant_id=other, email="new@example.com", role=MEMBER)),
        world._change.handle(ChangeMemberRole(tenant_id=other, user_id=member, expected_version=None, role=VIEWER)),
        world._remove.handle(RemoveMember(tenant_id=other, user_id=member, expected_version=None)),
        world._leave.handle(LeaveTenant(tenant_id=other)),
    ):
        with pytest.raises(NotFound, match=f"No tenant with the id {other}"):
            await attempt
    assert world.roles() == [OWNER, OWNER]


@pytest.mark.parametrize(
    ("actor", "role", "allowed"), [(OWNER, OWNER, True), (OWNER, VIEWER, True), (ADMIN, ADMIN, True), (ADMIN, OWNER, False)]
)
async def test_members_are_added_and_owners_by_owners_only(actor: Role, role: Role, allowed: bool) -> None:
    world = World(actor)
    command = AddMember(tenant_id=world.tenant.id, email="new@example.com", role=role)
    if allowed:
        added = await world.add.handle(command)
        assert (added.user_id, added.role, world.roles()) == (world.newcomer, role, [actor, role])
        assert world.memberships.events == ["tenants.member_added.v1"]
    else:
        with pytest.raises(OwnersOnly):
            await world.add.handle(command)
        assert world.roles() == [actor]


async def test_who_is_no_user_is_not_added() -> None:
    world = World(OWNER)
    with pytest.raises(NotFound):
        await world.add.handle(AddMember(tenant_id=world.tenant.id, email="nobody@example.com", role=MEMBER))


@pytest.mark.parametrize(
    ("roles", "changed", "role", "expected"),
    [
        ((OWNER, MEMBER), 1, ADMIN, [OWNER, ADMIN]),
        ((OWNER, MEMBER), 1, OWNER, [OWNER, OWNER]),
        ((OWNER, OWNER), 0, VIEWER, [VIEWER, OWNER]),
        ((OWNER, OWNER), 1, ADMIN, [OWNER, ADMIN]),
        ((OWNER,), 0, OWNER, [OWNER]),
        ((OWNER,), 0, ADMIN, LastOwner),
        ((ADMIN, OWNER), 1, ADMIN, OwnersOnly),
        ((ADMIN, OWNER), 0, OWNER, OwnersOnly),
        ((ADMIN, MEMBER), 1, VIEWER, [ADMIN, VIEWER]),
    ],
)
async def test_roles_change_and_an_owner_remains(
    roles: tuple[Role, ...], changed: int, role: Role, expected: list[Role] | type[Exception]
) -> None:
    world = World(*roles)
    if isinstance(expected, list):
        await world.change(changed, role)
        assert world.roles() == expected
    else:
        with pytest.raises(expected):
            await world.change(changed, role)
        assert world.roles() == list(roles)


@pytest.mark.parametrize(
    ("roles", "removed", "expected"),
    [
        ((OWNER, MEMBER), 1, [OWNER]),
        ((OWNER, OWNER), 1, [OWNER]),
        ((OWNER,), 0, LastOwner),
        ((ADMIN, OWNER), 1, OwnersOnly),
        ((ADMIN, ADMIN), 1, [ADMIN]),
    ],
)
async def test_members_are_removed_and_an_owner_remains(
    roles: tuple[Role, ...], removed: int, expected: list[Role] | type[Exception]
) -> None:
    world = World(*roles)
    if isinstance(expected, list):
        await world.remove(world.members[removed].user_id)
        assert world.roles() == expected
        assert world.memberships.events == ["tenants.membership_ended.v1"]
    else:
        with pytest.raises(expected):
            await world.remove(world.members[removed].user_id)
        assert world.roles() == list(roles)


async def test_a_stale_version_changes_no_member() -> None:
    world = World(OWNER, MEMBER)
    with pytest.raises(StaleVersion, match="no longer at version 7"):
        await world.change(1, ADMIN, version=7)
    with pytest.raises(StaleVersion, match="no longer at version 7"):
        await world.remove(world.members[1].user_id, version=7)
    await world.change(1, ADMIN, version=1)
    await world.remove(world.members[1].user_id, version=2)
    assert world.roles() == [OWNER]


async def test_a_member_of_another_tenant_is_answered_as_nobody() -> None:
    world = World(OWNER)
    for user_id in (world.foreigner.user_id, UserId(uuid4())):
        with pytest.raises(NotFound, match=f"No member with the id {user_id}"):
            await world.remove(user_id)


@pytest.mark.parametrize("role", [ADMIN, MEMBER, VIEWER])
async def test_anybody_may_leave_but_the_last_owner(role: Role) -> None:
    world = World(OWNER, role)
    with pytest.raises(LastOwner):
        await world.leave()
    world.act(1)
    await world.leave()
    assert world.roles() == [OWNER]


async def test_of_two_owners_the_second_stays() -> None:
    world = World(OWNER, OWNER)
    await world.leave()
    world.act(1)
    with pytest.raises(LastOwner):
        await world.leave()


async def test_whose_membership_has_ended_may_nothing_any_more() -> None:
    world = World(OWNER)
    world.act(1)
    for attempt in (world.leave(), world.change(0, OWNER), world.remove(world.members[0].user_id)):
        with pytest.raises(Forbidden):
            await attempt
    with pytest.raises(Forbidden):
        await world.add.handle(AddMember(tenant_id=world.tenant.id, email="new@example.com", role=MEMBER))
