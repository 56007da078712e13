"""E-mail a password reset link to the active user with an address, if there is one. Internal: a job."""

from dataclasses import dataclass
from typing import ClassVar, Final
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Bus, Command
from api_base.application.services.mailing import EmailTemplates, Links, Recipient
from api_base.application.users.commands.begin_password_reset import BeginPasswordReset
from api_base.core.protocols import Isolation
from api_base.core.types import UserId
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import UserStatus
from api_base.domain.users.repository import UserRepository

RESET: Final = "reset-password"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPasswordReset(Command[None]):
    """`id` becomes the id of the password reset."""

    permission: ClassVar[str] = PUBLIC
    isolation: ClassVar[Isolation] = Isolation.NONE
    id: UUID
    email: str


class MailPasswordResetHandler:
    def __init__(self, bus: Bus, users: UserRepository, email_templates: EmailTemplates, links: Links) -> None:
        self._bus, self._users, self._email_templates, self._links = bus, users, email_templates, links

    async def handle(self, command: MailPasswordReset) -> None:
        """Send the e-mail. Raises what `Mailer.send` raises."""
        user = await self._users.by_email(EmailAddress.parse(command.email))
        if user is None or user.status is not UserStatus.ACTIVE:
            return
        if await self._bus.execute(BeginPasswordReset(id=command.id, user_id=UserId(user.id))):
            to = Recipient(email=user.email.value, language=user.language)
            await self._email_templates.send("reset_password", to, command.id, link=self._links.to(RESET, user.id, command.id))
