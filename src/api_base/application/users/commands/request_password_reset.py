"""Request a password reset link. The worker looks the address up, so the request does the same work for every address."""

from dataclasses import dataclass
from typing import ClassVar

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.application.users.commands.mail_password_reset import MailPasswordReset
from api_base.core.protocols import IdGenerator, JobQueue
from api_base.domain.common.value_objects import EmailAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPasswordReset(Command[None]):
    permission: ClassVar[str] = PUBLIC
    email: str


class RequestPasswordResetHandler:
    def __init__(self, jobs: JobQueue, ids: IdGenerator) -> None:
        self._jobs, self._ids = jobs, ids

    async def handle(self, command: RequestPasswordReset) -> None:
        """Enqueue the job. Raises `Invalid` for an invalid address."""
        email, id = EmailAddress.parse(command.email), self._ids.new()
        await self._jobs.enqueue(MailPasswordReset(id=id, email=email.value), unique=str(id))
