"""E-mail a confirmation link to a new address; a known address gets a notice instead. Internal: a job."""

from dataclasses import dataclass
from typing import ClassVar, Final
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.application.services.mailing import EmailTemplates, Links, Recipient
from api_base.core.protocols import Clock, Isolation
from api_base.domain.users.repository import RegistrationRepository, UserRepository

CONFIRM: Final = "confirm-registration"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRegistration(Command[None]):
    """`id` identifies the e-mail."""

    permission: ClassVar[str] = PUBLIC
    isolation: ClassVar[Isolation] = Isolation.NONE
    id: UUID
    registration_id: UUID


class MailRegistrationHandler:
    """No e-mail quotes the name: otherwise an attacker could send any text to the owner of an address."""

    def __init__(
        self, registrations: RegistrationRepository, users: UserRepository, email_templates: EmailTemplates, links: Links, clock: Clock
    ) -> None:
        self._registrations, self._users, self._email_templates, self._links, self._clock = (
            registrations,
            users,
            email_templates,
            links,
            clock,
        )

    async def handle(self, command: MailRegistration) -> None:
        """Send the e-mail. Raises what `Mailer.send` raises."""
        registration = await self._registrations.get(command.registration_id)
        if registration is None or not registration.is_open(self._clock.now()):
            return
        known = await self._users.by_email(registration.email)
        if known is not None:
            owner = Recipient(email=known.email.value, language=known.language)
            await self._email_templates.send("already_registered", owner, command.id)
            return
        to = Recipient(email=registration.email.value, language=registration.language)
        await self._email_templates.send("confirm_registration", to, command.id, ours={"link": self._links.to(CONFIRM, registration.id)})
