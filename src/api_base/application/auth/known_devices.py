"""Devices that a user has logged in from. The user gets an e-mail about each new device except the first."""

from functools import partial

from api_base.application.auth.commands.mail_new_device import MailNewDevice
from api_base.application.auth.commands.record_device_seen import RecordDeviceSeen
from api_base.application.common.cqrs import Bus
from api_base.core.protocols import Clock
from api_base.core.protocols.jobs import JobQueue
from api_base.core.types import UserId, current_context
from api_base.domain.auth.device import Device, device_id
from api_base.domain.auth.repository import DeviceRepository


class KnownDevices:
    """Writes a new device in the open unit of work, together with the new session."""

    def __init__(self, bus: Bus, devices: DeviceRepository, jobs: JobQueue, clock: Clock) -> None:
        self._bus, self._devices, self._jobs, self._clock = bus, devices, jobs, clock

    async def note(self, user_id: UserId, user_agent: str) -> None:
        """A login of the user's, from the address of the request in hand; what has none is no login from outside."""
        context, now = current_context.get(), self._clock.now()
        address = context.address
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
            context.after_response.append(partial(self._bus.execute, RecordDeviceSeen(user_id=user_id, device_id=id)))
