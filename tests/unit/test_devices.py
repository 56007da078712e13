"""A login from a new device is told to its user once; the first device of all, and what is not new, is not."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from api_base.application.auth.commands.known_devices import (
    KnownDevices,
    MailNewDevice,
    MailNewDeviceHandler,
    RecordDeviceSeen,
    RecordDeviceSeenHandler,
)
from api_base.application.common.cqrs import Bus, on
from api_base.application.services.mailing import EmailTemplates, Recipient
from api_base.bootstrap.contexts.auth import EMAILS
from api_base.core.types import Language, RequestContext, UserId, current_context
from api_base.domain.auth.device import device_id
from tests.factories.auth import NOW
from tests.factories.mail import KeepingMailer, MemoryJobs
from tests.factories.memory import MemoryDevices
from tests.factories.pipeline import ActionList
from tests.support import FixedClock

ANA = UserId(uuid4())
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NEWER = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0.2"
HERE, NEAR, FAR = "203.0.113.7", "203.0.9.1", "198.51.100.7"


class Writing:
    """The port `Recipients`: Ana alone."""

    async def recipient(self, user_id: UserId) -> Recipient | None:
        return Recipient(email="ana@example.com", language=Language.PT) if user_id == ANA else None


class World:
    def __init__(self) -> None:
        self.clock, self.devices, self.jobs, self.mailer = FixedClock(NOW), MemoryDevices(), MemoryJobs(), KeepingMailer()
        self.bus = Bus([])
        self._after_response = ActionList()
        self._known = KnownDevices(self.bus, self.devices, self.jobs, self.clock, self._after_response)
        self.bus.add(
            [
                on(MailNewDevice, MailNewDeviceHandler(self.devices, Writing(), EmailTemplates(EMAILS, self.mailer, "Base"))),
                on(RecordDeviceSeen, RecordDeviceSeenHandler(self.devices, self.clock)),
            ]
        )

    async def login(self, user_agent: str = FIREFOX, address: str = HERE, user_id: UserId = ANA) -> int:
        """How many email_templates it makes."""
        current_context.set(RequestContext(request_id="test", address=address))
        await self._known.note(user_id, user_agent)
        await self._after_response.run()
        before = len(self.jobs.queue)
        await self.jobs.work(self.bus)
        return before


async def test_the_first_device_is_told_to_nobody() -> None:
    world = World()
    assert await world.login() == 0
    assert len(world.devices.all()) == 1


@pytest.mark.parametrize(("user_agent", "address"), [("curl/8.5", HERE), (FIREFOX, FAR), (FIREFOX, "2001:db8::1"), ("", HERE)])
async def test_a_new_program_or_network_is_told_once(user_agent: str, address: str) -> None:
    world = World()
    await world.login()
    assert [await world.login(user_agent, address) for _ in range(3)] == [1, 0, 0]
    (mail,) = world.mailer.sent
    assert (mail.to, mail.language) == ("ana@example.com", "pt")
    assert address in mail.text
    assert (user_agent or "?") in mail.text
    assert "2026-01-02 03:04 UTC" in mail.text


@pytest.mark.parametrize(("user_agent", "address"), [(FIREFOX, HERE), (NEWER, HERE), (FIREFOX, NEAR), (FIREFOX, f"::ffff:{HERE}")])
async def test_an_update_or_a_new_lease_is_no_news(user_agent: str, address: str) -> None:
    world = World()
    await world.login()
    assert await world.login(user_agent, address) == 0
    assert len(world.devices.all()) == 1


async def test_a_device_is_its_users_alone() -> None:
    world, bo = World(), UserId(uuid4())
    await world.login()
    assert await world.login("curl/8.5", FAR, bo) == 0
    assert await world.login("curl/8.5", FAR) == 1


async def test_that_it_was_seen_is_noted_once_a_day() -> None:
    world = World()
    for hours, version in ((0, 1), (23, 1), (24, 2), (25, 2), (48, 3)):
        world.clock.time = NOW + timedelta(hours=hours)
        await world.login()
        (device,) = world.devices.all()
        assert device.version == version, hours
    assert device.created_at == NOW


async def test_a_session_that_begins_inside_comes_from_no_device() -> None:
    world = World()
    assert await world.login(address="") == 0
    assert world.devices.all() == []


async def test_what_a_client_says_of_itself_is_bounded_and_no_markup() -> None:
    world = World()
    await world.login()
    await world.login("<b>" + "x" * 10_000)
    (mail,) = world.mailer.sent
    assert "<b>" not in mail.html
    assert "x" * 200 not in mail.text
    assert max(len(device.user_agent) for device in world.devices.all()) == 200


async def test_nobody_is_written_to_of_what_is_gone() -> None:
    world = World()
    await world.bus.execute(MailNewDevice(user_id=ANA, device_id=uuid4()))
    assert world.mailer.sent == []


def test_an_id_is_a_uuid_of_its_own_kind() -> None:
    made = device_id(ANA, FIREFOX, HERE)
    assert (made.version, made.variant) == (8, UUID(int=0x80 << 56).variant)
    assert made == device_id(ANA, NEWER, NEAR)
    assert made != device_id(UserId(uuid4()), FIREFOX, HERE)
    assert device_id(ANA, FIREFOX, "2001:db8:1::1") == device_id(ANA, FIREFOX, "2001:db8:2::9")
    assert device_id(ANA, FIREFOX, "unix") != device_id(ANA, FIREFOX, "")


@pytest.mark.parametrize(
    ("user_agent", "address", "stored"),
    [
        ("Mozilla/5.0 (X11)", "203.0.113.7", "33d00134-2a2b-899f-87ff-2b24471606ce"),
        ("curl/8.5", "2001:db8:1::1", "040b2af0-572c-88b0-8c45-d976627646b5"),
    ],
)
def test_a_device_of_an_earlier_release_is_known(user_agent: str, address: str, stored: str) -> None:
    assert device_id(UserId(UUID(int=1)), user_agent, address) == UUID(stored)
