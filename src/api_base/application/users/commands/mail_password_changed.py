"""E-mail a user about a changed password. A job, enqueued in the transaction of every change."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.services.mailing import EmailJob, EmailTemplates, Recipient
from api_base.core.protocols import IdGenerator, JobQueue
from api_base.core.types import UserId
from api_base.domain.users.repository import UserRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPasswordChanged(EmailJob):
    """`id` identifies the e-mail."""

    id: UUID
    user_id: UserId


class MailPasswordChangedHandler:
    def __init__(self, users: UserRepository, email_templates: EmailTemplates) -> None:
        self._users, self._email_templates = users, email_templates

    async def handle(self, command: MailPasswordChanged) -> None:
        """Send the e-mail. Raises what `Mailer.send` raises."""
        user = await self._users.get(command.user_id)
        if user is not None:
            await self._email_templates.send("password_changed", Recipient(email=user.email.value, language=user.language), command.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The fields used of `users.password_changed.v1`."""

    aggregate_id: UUID


class NotifyPasswordChanged:
    def __init__(self, jobs: JobQueue, ids: IdGenerator) -> None:
        self._jobs, self._ids = jobs, ids

    async def handle(self, event: Changed) -> None:
        id = self._ids.new()
        await self._jobs.enqueue(MailPasswordChanged(id=id, user_id=UserId(event.aggregate_id)), unique=str(id))
