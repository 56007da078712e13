"""Devices that a user has logged in from. The user gets an e-mail about each new device except the first."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar
from uuid import UUID

from api_base.application.auth.commands.mail_new_device import MailNewDevice
from api_base.application.common.cqrs import PUBLIC, Bus, Command
from api_base.core.protocols import AfterResponse, Clock, Isolation, JobQueue
from api_base.core.types import UserId, current_context
from api_base.domain.auth.device import Device, device_id
from api_base.domain.auth.repository import DeviceRepository


class KnownDevices:
    """Writes a new device in the open unit of work, together with the new session."""

    def __init__(self, bus: Bus, devices: DeviceRepository, jobs: JobQueue, clock: Clock, after_response: AfterResponse) -> None:
        self._bus, self._devices, self._jobs = bus, devices, jobs
        self._clock, self._after_response = clock, after_response

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

    permission: ClassVar[str] = PUBLIC
    isolation: ClassVar[Isolation] = Isolation.SERIALIZABLE
    user_id: UserId
    device_id: UUID


class RecordDeviceSeenHandler:
    def __init__(self, devices: DeviceRepository, clock: Clock) -> None:
        self._devices, self._clock = devices, clock

    async def handle(self, command: RecordDeviceSeen) -> None:
        device = await self._devices.of(command.user_id, command.device_id)
        if device is not None and device.seen_again(self._clock.now()):
            await self._devices.update(device)
