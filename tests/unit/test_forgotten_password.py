"""A forgotten password: asking costs and answers the same for everybody; the link is good once, for 30 minutes, until another change."""

from datetime import timedelta

import pytest

from api_base.application.common.cqrs import Bus, on
from api_base.application.services.mailing import EmailTemplates, Links
from api_base.application.users.commands.mail_password_changed import (
    Changed,
    MailPasswordChanged,
    MailPasswordChangedHandler,
    NotifyPasswordChanged,
)
from api_base.application.users.commands.request_password_reset import (
    BeginPasswordReset,
    BeginPasswordResetHandler,
    MailPasswordReset,
    MailPasswordResetHandler,
    RequestPasswordReset,
    RequestPasswordResetHandler,
)
from api_base.application.users.commands.reset_password import (
    ResetPassword,
    ResetPasswordHandler,
    UsePasswordReset,
    UsePasswordResetHandler,
)
from api_base.bootstrap.contexts.users import EMAILS
from api_base.core.errors import Invalid, Unavailable
from api_base.core.types import Language, UserId
from api_base.domain.users.entities import User
from api_base.domain.users.errors import LinkRefused
from api_base.domain.users.password_reset import LIFETIME
from tests.factories.mail import KeepingMailer, MemoryJobs, ReadableTokens
from tests.factories.memory import MemoryResets, MemoryUsers
from tests.factories.security import PlainHasher, RefusingPolicy
from tests.factories.users import NOW, user
from tests.support import FixedClock, Ids

ANA = "ana@example.com"


class World:
    def __init__(self, *users: User) -> None:
        self.clock, self.mailer, self.jobs, self.policy = (
            FixedClock(NOW + timedelta(days=1)),
            KeepingMailer(),
            MemoryJobs(),
            RefusingPolicy("easy"),
        )
        self.users, self.resets, tokens = MemoryUsers(*users, password_hash="hash of old"), MemoryResets(), ReadableTokens()
        email_templates, links = EmailTemplates(EMAILS, self.mailer, "Base"), Links("https://app.example", tokens)
        self.bus = Bus([])
        self.bus.add(
            [
                on(RequestPasswordReset, RequestPasswordResetHandler(self.jobs, Ids())),
                on(MailPasswordReset, MailPasswordResetHandler(self.bus, self.users, email_templates, links)),
                on(BeginPasswordReset, BeginPasswordResetHandler(self.users, self.resets, self.clock)),
                on(ResetPassword, ResetPasswordHandler(self.bus, self.users, self.resets, tokens, PlainHasher(), self.policy, self.clock)),
                on(UsePasswordReset, UsePasswordResetHandler(self.users, self.resets, self.clock)),
                on(MailPasswordChanged, MailPasswordChangedHandler(self.users, email_templates)),
            ]
        )

    async def asked(self, email: str = ANA) -> None:
        await self.bus.execute(RequestPasswordReset(email=email))
        await self.jobs.work(self.bus)

    async def token(self) -> str:
        await self.asked()
        return self.mailer.token()

    async def reset(self, token: str, password: str = "right") -> str:
        """The hash that there is after_response."""
        await self.bus.execute(ResetPassword(token=token, password=password))
        return self.password_hash()

    def password_hash(self) -> str:
        (only,) = self.users.hashes.values()
        return only


def ana() -> User:
    return user(email=ANA, name="Ana", language=Language.PT)


async def test_the_link_sets_another_password_and_says_so() -> None:
    world = World(ana())
    token = await world.token()
    assert (world.mailer.told(), world.mailer.sent[0].language) == ([(ANA, "reset_password")], "pt")
    assert await world.reset(token) == "hash of right"
    assert world.users.events == ["users.password_changed.v1"]
    assert world.policy.asked == [(ANA, "Ana")]


async def test_asking_is_the_same_for_everybody_until_the_worker_looks() -> None:
    known, unknown = World(ana()), World()
    for world in (known, unknown):
        assert await world.bus.execute(RequestPasswordReset(email=" ANA@example.com")) is None
        (job,) = world.jobs.queue
        assert job == MailPasswordReset(id=job.id, email=ANA)
        assert world.resets.all() == []
        await world.jobs.work(world.bus)
    assert (len(known.mailer.sent), len(unknown.mailer.sent)) == (1, 0)
    with pytest.raises(Invalid):
        await known.bus.execute(RequestPasswordReset(email="ana"))


async def test_who_is_deactivated_gets_no_link() -> None:
    who = ana()
    who.deactivate(NOW, 2)
    world = World(who)
    await world.asked()
    assert (world.mailer.sent, world.resets.all()) == ([], [])


async def test_a_link_is_good_once() -> None:
    world = World(ana())
    token = await world.token()
    await world.reset(token)
    with pytest.raises(LinkRefused):
        await world.reset(token, "another")
    assert world.password_hash() == "hash of right"


async def test_a_link_is_good_for_30_minutes() -> None:
    world = World(ana())
    token = await world.token()
    world.clock.time += LIFETIME
    with pytest.raises(LinkRefused):
        await world.reset(token)
    assert world.password_hash() == "hash of old"


async def test_a_link_ends_with_another_change_of_the_password() -> None:
    world = World(ana())
    token = await world.token()
    world.clock.time += timedelta(seconds=1)
    (who,) = world.users.all()
    who.change_password(world.clock.now())
    await world.users.update(who)
    with pytest.raises(LinkRefused):
        await world.reset(token)
    assert await world.token() != token
    with pytest.raises(LinkRefused):
        await world.reset(token)


async def test_a_bad_password_leaves_the_link_good() -> None:
    world = World(ana())
    token = await world.token()
    with pytest.raises(Invalid):
        await world.reset(token, "easy")
    assert await world.reset(token) == "hash of right"


async def test_the_link_is_used_once_however_many_use_it_at_once() -> None:
    """Both have come past the first look when one of them is done."""
    world = World(ana())
    await world.token()
    (reset,) = world.resets.all()
    use = UsePasswordReset(user_id=reset.user_id, reset_id=reset.id, password_hash="one")
    await world.bus.execute(use)
    with pytest.raises(LinkRefused):
        await world.bus.execute(use)


@pytest.mark.parametrize("purpose", ["confirm-registration", "reset-password"])
async def test_any_other_token_is_refused_alike(purpose: str) -> None:
    world = World(ana())
    (who,) = world.users.all()
    with pytest.raises(LinkRefused):
        await world.reset(ReadableTokens().seal(purpose, who.id, Ids().new()))


async def test_a_user_has_one_link_that_nobody_prolongs() -> None:
    world = World(ana())
    first = await world.token()
    world.clock.time += LIFETIME / 2 - timedelta(seconds=1)
    assert await world.token() == first
    assert world.mailer.sent[0].key != world.mailer.sent[1].key
    world.clock.time += timedelta(seconds=1)
    second = await world.token()
    with pytest.raises(LinkRefused):
        await world.reset(first)
    assert await world.reset(second) == "hash of right"
    assert len(world.resets.all()) == 1


async def test_a_letter_that_is_tried_again_is_the_same_while_its_link_is_good() -> None:
    world = World(ana())
    world.mailer.failures.append(Unavailable("down"))
    await world.bus.execute(RequestPasswordReset(email=ANA))
    with pytest.raises(Unavailable):
        await world.jobs.work(world.bus)
    again = world.jobs.queue[0]
    await world.bus.execute(again)
    await world.bus.execute(again)
    assert world.mailer.sent[0] == world.mailer.sent[1]
    assert len(world.resets.all()) == 1
    world.clock.time += LIFETIME
    await world.bus.execute(again)
    assert len(world.mailer.sent) == 2


async def test_a_letter_that_is_tried_again_after_its_link_was_used_begins_no_other_reset() -> None:
    world = World(ana())
    await world.bus.execute(RequestPasswordReset(email=ANA))
    job = world.jobs.queue[0]
    await world.jobs.work(world.bus)
    await world.reset(world.mailer.token())
    await world.bus.execute(job)
    assert (len(world.mailer.sent), len(world.resets.all())) == (1, 1)


async def test_a_change_is_told_once() -> None:
    who = ana()
    world = World(who)
    await NotifyPasswordChanged(world.jobs, Ids()).handle(Changed(aggregate_id=who.id))
    await world.jobs.work(world.bus)
    assert world.mailer.told() == [(ANA, "password_changed")]
    await world.bus.execute(MailPasswordChanged(id=Ids().new(), user_id=UserId(Ids().new())))
    assert len(world.mailer.sent) == 1


def test_no_secret_shows() -> None:
    assert "right" not in repr(ResetPassword(token="right", password="right"))
