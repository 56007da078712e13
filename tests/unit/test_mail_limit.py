"""Strangers make the application write to an address a bounded number of times, whichever request they use."""

from dataclasses import replace

import pytest

from api_base.core.errors import Unavailable
from api_base.core.protocols import Mail
from api_base.infrastructure.mail.limit import LimitedMailer
from api_base.infrastructure.rate_limit.memory import MemoryRateLimiter
from tests.factories.mail import KeepingMailer

QUOTA = 5


class World:
    def __init__(self) -> None:
        self.now, self.mailer, self._numbers = 0.0, KeepingMailer(), 0
        self.limited = LimitedMailer(self.mailer, MemoryRateLimiter(now=lambda: self.now), QUOTA)

    async def send(self, to: str = "ana@example.com", kind: str = "invitation") -> Mail:
        self._numbers += 1
        mail = Mail(key=f"{kind}.{self._numbers}", to=to, language="en", subject="s", text="t", html="h")
        await self.limited.send(mail)
        return mail


async def test_a_recipient_gets_so_many_an_hour_and_then_one_after_another() -> None:
    world = World()
    for _ in range(20):
        await world.send()
    assert len(world.mailer.sent) == QUOTA
    world.now = 3600 / QUOTA
    for _ in range(20):
        await world.send()
    assert len(world.mailer.sent) == QUOTA + 1


async def test_an_address_written_in_other_ways_is_one_recipient() -> None:
    world = World()
    for number in range(20):
        await world.send(f"Ana+{number}@Example.com" if number % 2 else "ana@example.com")
    assert len(world.mailer.sent) == QUOTA


async def test_a_flood_of_one_kind_or_to_one_recipient_holds_nothing_else_back() -> None:
    world = World()
    for _ in range(20):
        await world.send()
    await world.send(kind="password_changed")
    await world.send("bo@example.com")
    await world.send("+tag@example.com")
    assert len(world.mailer.sent) == QUOTA + 3


async def test_a_mail_that_is_tried_again_is_charged_once() -> None:
    world = World()
    mail = Mail(key="invitation.x", to="ana@example.com", language="en", subject="s", text="t", html="h")
    world.mailer.failures = [Unavailable("down")] * 20
    for _ in range(20):
        with pytest.raises(Unavailable):
            await world.limited.send(mail)
    await world.limited.send(mail)
    for _ in range(20):
        await world.send()
    assert len(world.mailer.sent) == QUOTA
    assert world.mailer.sent[0] == replace(mail)
