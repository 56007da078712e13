"""Registering with an address that must be proved: the same answer and the same work for a known one; a user only by the link."""

from dataclasses import replace
from datetime import timedelta

import pytest

from api_base.application.common.cqrs import Bus, on
from api_base.application.services.mailing import EmailTemplates, Links
from api_base.application.users.commands.confirm_registration import (
    ConfirmRegistration,
    ConfirmRegistrationHandler,
    MailRegistration,
    MailRegistrationHandler,
    UseRegistration,
    UseRegistrationHandler,
)
from api_base.application.users.commands.create_user import CreateUser, CreateUserHandler
from api_base.application.users.commands.register_user import (
    RegisterUser,
    RegisterUserHandler,
    RegistrationMode,
    StorePendingRegistration,
    StorePendingRegistrationHandler,
)
from api_base.bootstrap.contexts.users import EMAILS
from api_base.core.errors import Invalid, Unavailable
from api_base.core.types import Language
from api_base.domain.users.entities import User
from api_base.domain.users.errors import EmailTaken, InvitedOnly, LinkRefused
from api_base.domain.users.registration import LIFETIME
from tests.factories.mail import KeepingMailer, MemoryJobs, ReadableTokens
from tests.factories.memory import MemoryRegistrations, MemoryUsers
from tests.factories.security import PlainHasher, RefusingPolicy
from tests.factories.users import NOW, user
from tests.support import FixedClock, Ids

ANA = "ana@example.com"
REGISTER = RegisterUser(email=" Ana@Example.com ", name=" Ana ", language=Language.PT)


class World:
    def __init__(self, *users: User, mode: RegistrationMode = RegistrationMode.VERIFIED) -> None:
        self.clock, self.mailer, self.jobs, self.hasher = FixedClock(NOW), KeepingMailer(), MemoryJobs(), PlainHasher()
        self.policy = RefusingPolicy("easy")
        self.users, self.registrations, tokens = MemoryUsers(*users), MemoryRegistrations(), ReadableTokens()
        email_templates, links = EmailTemplates(EMAILS, self.mailer, "Base"), Links("https://app.example", tokens)
        self.bus = Bus([])
        self.bus.add(
            [
                on(CreateUser, CreateUserHandler(self.users, Ids(), self.clock)),
                on(RegisterUser, RegisterUserHandler(self.bus, self.hasher, self.policy, mode)),
                on(StorePendingRegistration, StorePendingRegistrationHandler(self.registrations, self.jobs, Ids(), self.clock)),
                on(MailRegistration, MailRegistrationHandler(self.registrations, self.users, email_templates, links, self.clock)),
                on(
                    ConfirmRegistration,
                    ConfirmRegistrationHandler(self.bus, self.registrations, tokens, self.hasher, self.policy, self.clock),
                ),
                on(UseRegistration, UseRegistrationHandler(self.registrations, self.users, Ids(), self.clock)),
            ]
        )

    async def registered(self) -> str:
        """The token of the letter."""
        await self.bus.execute(REGISTER)
        await self.jobs.work(self.bus)
        return self.mailer.token()

    async def confirm(self, token: str, password: str = "right") -> None:
        await self.bus.execute(ConfirmRegistration(token=token, password=password))


async def test_a_user_begins_with_the_link() -> None:
    world = World()
    token = await world.registered()
    assert world.users.all() == []
    assert world.mailer.told() == [(ANA, "confirm_registration")]
    assert (world.mailer.sent[0].language, world.mailer.sent[0].subject) == ("pt", "Confirme o seu endereço em Base")
    await world.confirm(token)
    (made,) = world.users.all()
    assert (made.email.value, made.name, world.users.hashes, made.language) == (ANA, "Ana", {made.id: "hash of right"}, Language.PT)
    assert world.users.events == ["users.registered.v1"]


async def test_a_known_address_gets_the_same_answer_and_the_same_work() -> None:
    known, new = World(user(email=ANA)), World()
    assert await known.bus.execute(REGISTER) == await new.bus.execute(REGISTER)
    for world in (known, new):
        (kept,), (job,) = world.registrations.all(), world.jobs.queue
        assert job == MailRegistration(id=job.id, registration_id=kept.id)
    await known.jobs.work(known.bus)
    assert known.mailer.told() == [(ANA, "already_registered")]
    assert "#token=" not in known.mailer.sent[0].text
    assert list(known.users.hashes.values()) == ["hash"]


async def test_a_link_is_good_once_and_for_a_day() -> None:
    world = World()
    token = await world.registered()
    await world.confirm(token)
    with pytest.raises(LinkRefused):
        await world.confirm(token, "another")
    assert await world.registered() == "", "a known address gets no link"
    (late_one,) = [one for one in world.registrations.all() if one.used_at is None]
    with pytest.raises(EmailTaken):
        await world.confirm(ReadableTokens().seal("confirm-registration", late_one.id))
    late = World()
    token = await late.registered()
    late.clock.time += LIFETIME
    with pytest.raises(LinkRefused):
        await late.confirm(token)
    assert late.users.all() == []


@pytest.mark.parametrize(
    "token",
    ["", "rubbish", ReadableTokens().seal("reset-password", Ids().new()), ReadableTokens().seal("confirm-registration", Ids().new())],
    ids=["none", "rubbish", "for something else", "of nothing"],
)
async def test_any_other_token_is_refused_alike(token: str) -> None:
    with pytest.raises(LinkRefused):
        await World().confirm(token)


async def test_a_letter_that_is_tried_again_is_the_same() -> None:
    world = World()
    world.mailer.failures.append(Unavailable("down"))
    await world.bus.execute(REGISTER)
    with pytest.raises(Unavailable):
        await world.jobs.work(world.bus)
    again = world.jobs.queue[0]
    await world.bus.execute(again)
    await world.bus.execute(again)
    assert world.mailer.sent[0] == world.mailer.sent[1]


async def test_no_letter_goes_out_whose_link_is_not_good() -> None:
    world = World()
    await world.bus.execute(REGISTER)
    world.clock.time += LIFETIME + timedelta(seconds=1)
    await world.jobs.work(world.bus)
    assert world.mailer.sent == []


async def test_nobody_chooses_the_password_of_an_address_before_it_is_proved() -> None:
    world = World()
    with pytest.raises(Invalid, match="/password"):
        await world.bus.execute(replace(REGISTER, password="the stranger's"))
    await world.registered()
    assert (world.registrations.all()[0].email.value, world.users.all(), world.policy.asked) == (ANA, [], [])
    open_world = World(mode=RegistrationMode.OPEN)
    with pytest.raises(Invalid, match="/password"):
        await open_world.bus.execute(REGISTER)
    assert open_world.users.all() == []


async def test_a_bad_password_leaves_the_link_good() -> None:
    world = World()
    token = await world.registered()
    with pytest.raises(Invalid):
        await world.confirm(token, "easy")
    await world.confirm(token)
    assert world.policy.asked == [(ANA, "Ana")] * 2


async def test_an_address_that_is_registered_again_keeps_its_link_and_its_time() -> None:
    world = World()
    first = await world.registered()
    world.clock.time += LIFETIME / 2 - timedelta(seconds=1)
    await world.bus.execute(replace(REGISTER, name="Maria", language=Language.EN))
    await world.jobs.work(world.bus)
    assert (world.mailer.token(), len(world.registrations.all())) == (first, 1)
    assert world.mailer.sent[0].key != world.mailer.sent[1].key
    world.clock.time += LIFETIME / 2
    await world.confirm(first)
    assert [(one.name, one.language) for one in world.users.all()] == [("Maria", Language.EN)]
    with pytest.raises(LinkRefused):
        await world.confirm(first)


async def test_a_registration_of_which_half_the_time_is_over_is_replaced() -> None:
    world = World()
    old = await world.registered()
    world.clock.time += LIFETIME / 2
    new = await world.registered()
    with pytest.raises(LinkRefused):
        await world.confirm(old)
    world.clock.time += LIFETIME - timedelta(seconds=1)
    await world.confirm(new)
    assert len(world.registrations.all()) == 1


async def test_where_one_must_be_invited_nobody_registers_and_nothing_is_hashed() -> None:
    world = World(user(email=ANA), mode=RegistrationMode.INVITED)
    for email in (ANA, "new@example.com"):
        with pytest.raises(InvitedOnly):
            await world.bus.execute(RegisterUser(email=email, name="Ana", password="right"))
    assert (world.registrations.all(), world.jobs.queue) == ([], [])


def test_no_secret_shows() -> None:
    for message in (
        REGISTER,
        ConfirmRegistration(token="right", password="right"),
        UseRegistration(registration_id=Ids().new(), password_hash="right"),
    ):
        assert "right" not in repr(message)
