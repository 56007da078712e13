"""Devices that a user has logged in from. The user gets an e-mail about each new device except the first."""

from dataclasses import dataclass
from functools import partial
from typing import Protocol
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Bus, Command
from api_base.application.services.mailing import EmailJob, EmailTemplates, Recipient
from api_base.core.protocols import AfterResponse, Clock, Isolation, JobQueue
from api_base.core.types import UserId, current_context
from api_base.domain.auth.device import Device, device_id
from api_base.domain.auth.repository import DeviceRepository


class Recipients(Protocol):
    """Finds where to send e-mail to a user."""

    async def recipient(self, user_id: UserId) -> Recipient | None:
        """The e-mail address and language of a user, or None for an unknown user."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MailNewDevice(EmailJob):
    """A job, enqueued in the transaction that starts the session."""

    user_id: UserId
    device_id: UUID


class MailNewDeviceHandler:
    def __init__(self, devices: DeviceRepository, recipients: Recipients, email_templates: EmailTemplates) -> None:
        self._devices, self._recipients, self._email_templates = devices, recipients, email_templates

    async def handle(self, command: MailNewDevice) -> None:
        """Send the e-mail. Raises what `Mailer.send` raises."""
        device, to = await self._devices.of(command.user_id, command.device_id), await self._recipients.recipient(command.user_id)
        if device is None or to is None:
            return
        at = f"{device.created_at:%Y-%m-%d %H:%M} UTC"
        await self._email_templates.send(
            "new_device", to, device.id, ours={"address": device.address, "at": at}, program=device.user_agent or "?"
        )


class KnownDevices:
    """Writes a new device in the open unit of work, together with the new session."""

    def __init__(self, bus: Bus, devices: DeviceRepository, jobs: JobQueue, clock: Clock, after_response: AfterResponse) -> None:
        self._bus, self._devices, self._jobs = bus, devices, jobs
        self._clock, self._after_response = clock, after_response

    async def known(self, user_id: UserId, user_agent: str) -> UUID | None:
        """The device of the current request, if the user has logged in from it."""
        id = device_id(user_id, user_agent, current_context.get().address)
        return None if await self._devices.of(user_id, id) is None else id

    async def note(self, user_id: UserId, user_agent: str) -> None:
        """Record a login from the address of the current request. Without an address (a login from inside) it does nothing."""
        address, now = current_context.get().address, self._clock.now()
        if not address:
            return
        before = await self._devices.all_of(user_id)
        id = device_id(user_id, user_agent, address)
        known = next((device for device in before if device.id == id), None)
        if known is None:
            await self._devices.create(Device.first_seen(user_id=user_id, user_agent=user_agent, address=address, now=now))
            if before:
                await self._jobs.enqueue(MailNewDevice(user_id=user_id, device_id=id), unique=str(id))
        elif known.seen_again(now):
            self._after_response.call(partial(self._bus.execute, RecordDeviceSeen(user_id=user_id, device_id=id)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDeviceSeen(Command[None]):
    """Internal: the login sends it after its response. Serializable, so that concurrent logins from one device do not conflict."""

    permission = PUBLIC
    isolation = Isolation.SERIALIZABLE
    user_id: UserId
    device_id: UUID


class RecordDeviceSeenHandler:
    def __init__(self, devices: DeviceRepository, clock: Clock) -> None:
        self._devices, self._clock = devices, clock

    async def handle(self, command: RecordDeviceSeen) -> None:
        device = await self._devices.of(command.user_id, command.device_id)
        if device is not None and device.seen_again(self._clock.now()):
            await self._devices.update(device)
