"""Tell a user by mail that somebody logged in from a new device. A job, enqueued with the session that began."""

from dataclasses import dataclass
from typing import ClassVar, Protocol
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.application.services.mailing import EmailTemplates, Recipient
from api_base.core.protocols import Isolation
from api_base.core.types import UserId
from api_base.domain.auth.repository import DeviceRepository


class Recipients(Protocol):
    """The users' side of writing to them."""

    async def recipient(self, user_id: UserId) -> Recipient | None:
        """Where and in what language to write to a user."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MailNewDevice(Command[None]):
    permission: ClassVar[str] = PUBLIC
    isolation: ClassVar[Isolation] = Isolation.NONE
    user_id: UserId
    device_id: UUID


class MailNewDeviceHandler:
    def __init__(self, devices: DeviceRepository, recipients: Recipients, email_templates: EmailTemplates) -> None:
        self._devices, self._addressees, self._email_templates = devices, recipients, email_templates

    async def handle(self, command: MailNewDevice) -> None:
        """Raises what mailing raises."""
        device, to = await self._devices.of(command.user_id, command.device_id), await self._addressees.recipient(command.user_id)
        if device is None or to is None:
            return
        at = f"{device.created_at:%Y-%m-%d %H:%M} UTC"
        await self._email_templates.send("new_device", to, device.id, program=device.user_agent or "?", address=device.address, at=at)
