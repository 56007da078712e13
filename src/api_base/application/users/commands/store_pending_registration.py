"""Store a registration until its address is confirmed. Internal: does the same work for known and unknown addresses."""

from dataclasses import dataclass, field
from typing import ClassVar

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.application.users.commands.mail_registration import MailRegistration
from api_base.core.protocols import Clock, IdGenerator, JobQueue
from api_base.core.types import Language
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.registration import Registration
from api_base.domain.users.repository import RegistrationRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePendingRegistration(Command[None]):
    permission: ClassVar[str] = PUBLIC
    email: EmailAddress
    name: str
    password_hash: str = field(repr=False)
    language: Language


class StorePendingRegistrationHandler:
    def __init__(self, registrations: RegistrationRepository, jobs: JobQueue, ids: IdGenerator, clock: Clock) -> None:
        self._registrations, self._jobs, self._ids, self._clock = registrations, jobs, ids, clock

    async def handle(self, command: StorePendingRegistration) -> None:
        """Store the registration and enqueue its e-mail. Raises `Invalid` for an invalid name."""
        registration = Registration.begin(
            id=self._ids.new(),
            email=command.email,
            name=command.name,
            password_hash=command.password_hash,
            language=command.language,
            now=self._clock.now(),
        )
        await self._registrations.create(registration)
        await self._jobs.enqueue(MailRegistration(registration_id=registration.id), unique=str(registration.id))
