"""Request a password reset link. The worker looks the address up, so the request does the same work for every address.

The job begins the reset and e-mails the link to the active user with the address, if there is one.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Bus, Command
from api_base.application.services.mailing import EmailJob, EmailTemplates, Links, Recipient
from api_base.core.protocols import Clock, IdGenerator, Isolation, JobQueue
from api_base.core.types import UserId
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import UserStatus
from api_base.domain.users.password_reset import PasswordReset
from api_base.domain.users.repository import PasswordResetRepository, UserRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPasswordReset(Command[None]):
    permission = PUBLIC
    email: str


class RequestPasswordResetHandler:
    def __init__(self, jobs: JobQueue, ids: IdGenerator) -> None:
        self._jobs, self._ids = jobs, ids

    async def handle(self, command: RequestPasswordReset) -> None:
        """Enqueue the job. Raises `Invalid` for an invalid address."""
        email, id = EmailAddress.parse(command.email), self._ids.new()
        await self._jobs.enqueue(MailPasswordReset(id=id, email=email.value), unique=str(id))


RESET: Final = "reset-password"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPasswordReset(EmailJob):
    """A job. `id` becomes the id of the password reset."""

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
        reset_id = await self._bus.execute(BeginPasswordReset(id=command.id, user_id=UserId(user.id)))
        if reset_id is not None:
            to = Recipient(email=user.email.value, language=user.language)
            await self._email_templates.send("reset_password", to, command.id, ours={"link": self._links.to(RESET, user.id, reset_id)})


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginPasswordReset(Command[UUID | None]):
    """Internal: `MailPasswordResetHandler` sends it. Returns the id of the reset whose link must be e-mailed: `id`, or that of a fresh one."""

    permission = PUBLIC
    isolation = Isolation.SERIALIZABLE
    id: UUID
    user_id: UserId


class BeginPasswordResetHandler:
    """Begins a reset once for each request: the job that sends the command may be retried."""

    def __init__(self, users: UserRepository, resets: PasswordResetRepository, clock: Clock) -> None:
        self._users, self._resets, self._clock = users, resets, clock

    async def handle(self, command: BeginPasswordReset) -> UUID | None:
        user, now = await self._users.get(command.user_id), self._clock.now()
        if user is None:
            return None
        unused = await self._resets.unused(command.user_id)
        if unused is not None and unused.is_fresh(user, now):
            return unused.id
        begun = await self._resets.of(command.user_id, command.id)
        if begun is not None:  # the job is retried
            return begun.id if begun.is_open(user, now) else None
        if unused is not None:
            await self._resets.remove(unused)
        await self._resets.create(PasswordReset.begin(id=command.id, user_id=command.user_id, now=now))
        return command.id
