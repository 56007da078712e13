"""E-mail a user about a login from a new device. A job, enqueued in the transaction that starts the session."""

from dataclasses import dataclass
from typing import ClassVar, Protocol
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.application.services.mailing import EmailTemplates, Recipient
from api_base.core.protocols import Isolation
from api_base.core.types import UserId
from api_base.domain.auth.repository import DeviceRepository


class Recipients(Protocol):
    """Finds where to send e-mail to a user."""

    async def recipient(self, user_id: UserId) -> Recipient | None:
        """The e-mail address and language of a user, or None for an unknown user."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MailNewDevice(Command[None]):
    permission: ClassVar[str] = PUBLIC
    isolation: ClassVar[Isolation] = Isolation.NONE
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
