"""Record that a known device was seen again. Internal: the login sends it after its response.

Serializable, so that concurrent logins from one device do not conflict.
"""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.core.protocols import Clock, Isolation
from api_base.core.types import UserId
from api_base.domain.auth.repository import DeviceRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDeviceSeen(Command[None]):
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
