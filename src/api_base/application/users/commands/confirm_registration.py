"""Confirm an e-mail address by the link sent to it: the registration becomes a user, with the password that is chosen now.

The password is checked and hashed before the transaction. It is serializable: if the link is used twice concurrently, one request succeeds.
"""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Bus, Command
from api_base.application.services.mailing import EmailJob, EmailTemplates, Links, Recipient
from api_base.core.protocols import Clock, IdGenerator, Isolation, LinkTokens, PasswordHasher, PasswordPolicy
from api_base.core.types import UserId
from api_base.domain.users.errors import LinkRefused
from api_base.domain.users.repository import RegistrationRepository, UserRepository

CONFIRM: Final = "confirm-registration"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRegistration(EmailJob):
    """A job: e-mails the link to a new address. A known address gets a notice instead. `id` identifies the e-mail."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmRegistration(Command[None]):
    permission = PUBLIC
    isolation = Isolation.NONE
    token: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UseRegistration(Command[None]):
    """Internal: `ConfirmRegistrationHandler` sends it."""

    permission = PUBLIC
    isolation = Isolation.SERIALIZABLE
    registration_id: UUID
    password_hash: str = field(repr=False)


class ConfirmRegistrationHandler:
    def __init__(
        self,
        bus: Bus,
        registrations: RegistrationRepository,
        tokens: LinkTokens,
        hasher: PasswordHasher,
        policy: PasswordPolicy,
        clock: Clock,
    ) -> None:
        self._bus, self._registrations, self._tokens = bus, registrations, tokens
        self._hasher, self._policy, self._clock = hasher, policy, clock

    async def handle(self, command: ConfirmRegistration) -> None:
        """Check the link and the password, and create the user. Raises `LinkRefused`, `Invalid`, `EmailTaken`."""
        named = self._tokens.open(CONFIRM, command.token)
        registration = None if named is None else await self._registrations.get(named[0])
        if registration is None or not registration.is_open(self._clock.now()):
            raise LinkRefused
        await self._policy.check(command.password, known=(registration.email.value, registration.name))
        hashed = await self._hasher.hash(command.password)
        await self._bus.execute(UseRegistration(registration_id=registration.id, password_hash=hashed))


class UseRegistrationHandler:
    def __init__(self, registrations: RegistrationRepository, users: UserRepository, ids: IdGenerator, clock: Clock) -> None:
        self._registrations, self._users, self._ids, self._clock = registrations, users, ids, clock

    async def handle(self, command: UseRegistration) -> None:
        """Create the user. Raises `LinkRefused`; the commit raises `EmailTaken`, which only the owner of the mailbox can see."""
        registration = await self._registrations.get(command.registration_id)
        if registration is None:
            raise LinkRefused
        user = await self._users.create(registration.confirm(self._ids.new(), self._clock.now()))
        await self._users.set_password_hash(UserId(user.id), command.password_hash)
        await self._registrations.update(registration)
