"""Invitations: answer and work do not reveal the address; the link admits a member once; the inviter's right is checked at the end."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from api_base.application.common.cqrs import Bus, on
from api_base.application.services.feature_flags import CurrentFlags, FeatureFlags
from api_base.application.services.mailing import EmailTemplates, Links
from api_base.application.tenants.commands.accept_invitation import (
    AcceptInvitation,
    AcceptInvitationHandler,
    InvitationAcceptance,
    JoinAsNewUser,
    JoinAsNewUserHandler,
    RegisterByInvitation,
    RegisterByInvitationHandler,
)
from api_base.application.tenants.commands.add_member import AddMember, AddMemberHandler
from api_base.application.tenants.commands.invite_member import InviteMember, InviteMemberHandler, MailInvitation, MailInvitationHandler
from api_base.application.tenants.commands.revoke_invitation import RevokeInvitation, RevokeInvitationHandler
from api_base.application.tenants.dtos import InvitationDTO
from api_base.bootstrap.contexts.identities import UserIdentities
from api_base.bootstrap.contexts.tenants import EMAILS
from api_base.core.errors import Forbidden, Invalid, NotFound, StaleVersion
from api_base.core.types import Language, TenantId, UserId
from api_base.domain.tenants.entities import MANAGERS, Role
from api_base.domain.tenants.errors import InvitationForAddress, InvitationRefused, InvitationsOnly, OwnersOnly
from api_base.domain.tenants.invitation import LIFETIME
from api_base.domain.users.entities import User
from api_base.domain.users.errors import EmailTaken
from tests.factories.auth import principal, request_of
from tests.factories.mail import KeepingMailer, MemoryJobs, ReadableTokens
from tests.factories.memory import MemoryInvitations, MemoryMemberships, MemoryTenants, MemoryUsers
from tests.factories.security import PlainHasher, RefusingPolicy
from tests.factories.tenants import NOW, membership, tenant
from tests.factories.users import user
from tests.support import FixedClock, Ids

BO = "bo@example.com"


class World:
    """A tenant whose request is the `host`'s, a member in `role`. `guest` is a user of another tenant."""

    def __init__(self, *users: User, role: Role = Role.OWNER, tenant_name: str = "Chairs") -> None:
        self.clock, self.mailer, self.jobs, tokens = FixedClock(NOW), KeepingMailer(), MemoryJobs(), ReadableTokens()
        self.host, self.guest = user(), user()
        self.tenant, self.users = tenant(name=tenant_name), MemoryUsers(self.host, self.guest, *users)
        self.actor = membership(self.tenant.id, user_id=self.host.id, role=role)
        tenants, self.memberships, self.invitations = MemoryTenants(self.tenant), MemoryMemberships(self.actor), MemoryInvitations()
        identities = UserIdentities(self.users, PlainHasher(), RefusingPolicy("easy"), Ids(), self.clock)
        email_templates, links = EmailTemplates(EMAILS, self.mailer, "Base"), Links("https://app.example", tokens)
        acceptance = InvitationAcceptance(self.invitations, self.memberships, identities, tokens, Ids(), self.clock)
        self.bus, self.flags = Bus([]), CurrentFlags()
        invite = InviteMemberHandler(self.invitations, self.memberships, identities, self.jobs, Ids(), self.clock, FeatureFlags(self.flags))
        self.bus.add(
            [
                on(AddMember, AddMemberHandler(self.memberships, identities, Ids(), self.clock, direct=False)),
                on(InviteMember, invite),
                on(MailInvitation, MailInvitationHandler(self.invitations, tenants, identities, email_templates, links, self.clock)),
                on(RevokeInvitation, RevokeInvitationHandler(self.invitations, self.memberships)),
                on(AcceptInvitation, AcceptInvitationHandler(acceptance, identities)),
                on(RegisterByInvitation, RegisterByInvitationHandler(self.bus, acceptance, identities)),
                on(JoinAsNewUser, JoinAsNewUserHandler(acceptance, identities)),
            ]
        )
        self.act()

    def act(self) -> None:
        request_of(principal(user_id=self.actor.user_id, tenant_id=TenantId(self.tenant.id)))

    async def invite(self, email: str = BO, role: Role = Role.MEMBER) -> InvitationDTO:
        return await self.bus.execute(InviteMember(tenant_id=self.tenant.id, email=email, role=role, language=Language.PT))

    async def token(self, email: str = BO, role: Role = Role.MEMBER) -> str:
        await self.invite(email, role)
        await self.jobs.work(self.bus)
        return self.mailer.token()

    async def accept(self, token: str, who: User | None = None) -> None:
        """As a user who acts for another tenant: the guest by default."""
        request_of(principal(user_id=UserId((who or self.guest).id)))
        try:
            await self.bus.execute(AcceptInvitation(token=token))
        finally:
            self.act()

    async def register(self, token: str, password: str = "right") -> None:
        request_of(None)
        try:
            await self.bus.execute(RegisterByInvitation(token=token, name="Bo", password=password, language=Language.PT))
        finally:
            self.act()

    def joined(self) -> list[tuple[UUID, Role]]:
        return [(one.user_id, one.role) for one in self.memberships.all() if one.id != self.actor.id]

    def registered(self) -> list[User]:
        return [one for one in self.users.all() if one.id not in (self.host.id, self.guest.id)]

    async def set_role(self, role: Role) -> None:
        (kept,) = self.memberships.all()
        kept.role = role
        await self.memberships.update(kept)


async def test_a_known_address_is_answered_as_an_unknown_one_with_the_same_work() -> None:
    known, unknown = World(user(email=BO)), World()
    for world in (known, unknown):
        world.act()
        answer = await world.invite()
        assert (answer.email, answer.role, answer.accepted_at) == (BO, Role.MEMBER, None)
        assert world.jobs.queue == [MailInvitation(invitation_id=answer.id, version=1)]
        assert world.invitations.events == ["tenants.member_invited.v1"]
        await world.jobs.work(world.bus)
        assert world.mailer.told() == [(BO, "invitation")]
    assert [world.mailer.sent[0].language for world in (known, unknown)] == ["en", "pt"]


async def test_who_is_signed_in_joins_with_the_link() -> None:
    world = World()
    await world.accept(await world.token())
    assert world.joined() == [(world.guest.id, Role.MEMBER)]
    assert world.memberships.events == ["tenants.member_added.v1"]


async def test_who_is_new_registers_with_the_link_and_the_address_it_was_sent_to() -> None:
    world = World()
    await world.register(await world.token())
    (made,) = world.registered()
    assert (made.email.value, made.name, world.users.hashes[made.id], made.language) == (BO, "Bo", "hash of right", Language.PT)
    assert world.joined() == [(made.id, Role.MEMBER)]


async def test_who_has_an_account_is_told_so_and_can_still_accept() -> None:
    world = World(user(email=BO))
    token = await world.token()
    with pytest.raises(EmailTaken):
        await world.register(token)
    assert [world.users.hashes[one.id] for one in world.registered()] == ["hash"]
    assert world.joined() == []


async def test_an_invitation_is_good_once() -> None:
    world = World()
    token = await world.token()
    await world.accept(token)
    with pytest.raises(InvitationRefused):
        await world.accept(token)
    with pytest.raises(InvitationRefused):
        await world.register(token)
    assert len(world.joined()) == 1
    assert world.registered() == []


async def test_an_invitation_is_good_for_a_week_and_is_not_mailed_after() -> None:
    world = World()
    token = await world.token()
    await world.invite("zoe@example.com")
    world.clock.time += LIFETIME
    with pytest.raises(InvitationRefused):
        await world.accept(token)
    await world.jobs.work(world.bus)
    assert len(world.mailer.sent) == 1


async def test_an_invitation_that_was_withdrawn_is_good_for_nothing() -> None:
    world = World()
    token = await world.token()
    (kept,) = world.invitations.all()
    with pytest.raises(StaleVersion):
        await world.bus.execute(RevokeInvitation(tenant_id=world.tenant.id, id=kept.id, expected_version=7))
    await world.bus.execute(RevokeInvitation(tenant_id=world.tenant.id, id=kept.id, expected_version=1))
    with pytest.raises(InvitationRefused):
        await world.accept(token)
    with pytest.raises(NotFound):
        await world.bus.execute(RevokeInvitation(tenant_id=world.tenant.id, id=kept.id, expected_version=None))


async def test_a_bad_password_leaves_the_invitation_good() -> None:
    world = World()
    token = await world.token()
    with pytest.raises(Invalid):
        await world.register(token, "easy")
    await world.register(token)
    assert len(world.joined()) == 1


@pytest.mark.parametrize("purpose", ["reset-password", "accept-invitation"])
async def test_any_other_token_is_refused_alike(purpose: str) -> None:
    world = World()
    await world.invite()
    token = ReadableTokens().seal(purpose, world.tenant.id, uuid4())
    with pytest.raises(InvitationRefused):
        await world.accept(token)
    with pytest.raises(InvitationRefused):
        await world.register(token)


async def test_only_an_owner_invites_an_owner_or_withdraws_that() -> None:
    world = World(role=Role.ADMIN)
    with pytest.raises(OwnersOnly):
        await world.invite(role=Role.OWNER)
    assert (world.invitations.all(), world.jobs.queue) == ([], [])
    owner = World()
    made = await owner.invite(role=Role.OWNER)
    await owner.set_role(Role.ADMIN)
    with pytest.raises(OwnersOnly):
        await owner.invite()
    with pytest.raises(OwnersOnly):
        await owner.bus.execute(RevokeInvitation(tenant_id=owner.tenant.id, id=made.id, expected_version=None))


async def test_who_was_deactivated_leaves_no_invitation_behind() -> None:
    world = World()
    world.host.deactivate(NOW, 2)
    await world.users.update(world.host)
    with pytest.raises(Forbidden):
        await world.invite()
    assert (world.invitations.all(), world.jobs.queue) == ([], [])


async def test_nobody_invites_into_another_tenant() -> None:
    with pytest.raises(NotFound):
        await World().bus.execute(InviteMember(tenant_id=uuid4(), email=BO, role=Role.MEMBER))


async def test_where_addresses_are_nobodys_business_nobody_is_added_directly() -> None:
    world = World(user(email=BO))
    for email in (BO, "new@example.com"):
        with pytest.raises(InvitationsOnly):
            await world.bus.execute(AddMember(tenant_id=world.tenant.id, email=email, role=Role.MEMBER))


async def test_a_tenants_name_is_no_more_than_a_name_in_the_letter() -> None:
    world = World()
    world.tenant.name = "Chairs\r\nBcc: x@y.example <b>"  # stored before line ends were refused
    await world.token()
    (mail,) = world.mailer.sent
    assert "\n" not in mail.subject
    assert "<b>" not in mail.html


async def test_a_letter_that_is_tried_again_is_the_same() -> None:
    world = World()
    made = await world.invite()
    for _ in range(2):
        world.clock.time += timedelta(hours=1)
        await world.bus.execute(MailInvitation(invitation_id=made.id, version=1))
    assert world.mailer.sent[0] == world.mailer.sent[1]


async def test_a_second_invitation_of_an_address_renews_the_first_and_only_its_e_mail_goes_out() -> None:
    world = World()
    first = await world.invite()
    world.clock.time += timedelta(days=6)
    second = await world.invite(role=Role.VIEWER)
    assert (second.id, second.role, second.expires_at) == (first.id, Role.VIEWER, first.expires_at + timedelta(days=6))
    await world.jobs.work(world.bus)
    assert world.mailer.told() == [(BO, "invitation")]
    world.clock.time += timedelta(days=6)
    await world.accept(world.mailer.token())
    assert world.joined() == [(world.guest.id, Role.VIEWER)]


async def test_an_invitation_after_an_expired_one_leaves_the_old_link_invalid() -> None:
    world = World()
    old = await world.token()
    world.clock.time += LIFETIME
    new = await world.token()
    with pytest.raises(InvitationRefused):
        await world.accept(old)
    await world.accept(new)
    assert len(world.invitations.all()) == len(world.joined()) == 1


@pytest.mark.parametrize("role", Role)
async def test_an_invitation_to_manage_members_admits_only_the_invited_address(role: Role) -> None:
    bo = user(email=BO)
    world = World(bo)
    token = await world.token(role=role)
    if role in MANAGERS:
        with pytest.raises(InvitationForAddress):
            await world.accept(token)
        assert world.joined() == []
        await world.accept(token, bo)
        assert world.joined() == [(bo.id, role)]
    else:
        await world.accept(token)
        assert world.joined() == [(world.guest.id, role)]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("became", [*Role, None, "deactivated"])
async def test_an_acceptance_needs_the_inviters_right_of_that_moment(role: Role, became: Role | str | None) -> None:
    world = World()
    token = await world.token(role=role)
    if isinstance(became, Role):
        await world.set_role(became)
    elif became is None:
        await world.memberships.remove(world.actor)
    else:
        world.host.deactivate(NOW, 2)
        await world.users.update(world.host)
    allowed = became is Role.OWNER or (became is Role.ADMIN and role is not Role.OWNER)
    if allowed:
        await world.register(token)
    else:
        with pytest.raises(InvitationRefused):
            await world.register(token)
    assert (len(world.invitations.all()), [one.accepted_at is not None for one in world.invitations.all()]) == (1, [allowed])


def test_no_secret_shows() -> None:
    for message in (AcceptInvitation(token="right"), RegisterByInvitation(token="right", name="Bo", password="right")):
        assert "right" not in repr(message)
