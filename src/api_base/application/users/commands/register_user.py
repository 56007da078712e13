"""Register a user: immediately where registration is open, otherwise by the link that is e-mailed to the address.

The password is chosen by who owns the address: with the registration only where it is open. If addresses must be verified, a known address
gets the same answer as a new one after the same work; only the e-mail differs.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from api_base.application.common.cqrs import PUBLIC, Bus, Command
from api_base.application.users.commands.confirm_registration import MailRegistration
from api_base.application.users.commands.create_user import CreateUser
from api_base.application.users.dtos import RegistrationDTO
from api_base.core.errors import Invalid
from api_base.core.protocols import Clock, IdGenerator, Isolation, JobQueue, PasswordHasher, PasswordPolicy
from api_base.core.types import Language
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.errors import InvitedOnly
from api_base.domain.users.registration import Registration
from api_base.domain.users.repository import RegistrationRepository


class RegistrationMode(StrEnum):
    """When a user is created: `OPEN` immediately, `VERIFIED` once the address is confirmed, `INVITED` only by an invitation."""

    OPEN = "open"
    VERIFIED = "verified"
    INVITED = "invited"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterUser(Command[RegistrationDTO]):
    permission = PUBLIC
    isolation = Isolation.NONE
    email: str
    name: str
    password: str | None = field(default=None, repr=False)
    language: Language = Language.EN


class RegisterUserHandler:
    def __init__(self, bus: Bus, hasher: PasswordHasher, policy: PasswordPolicy, mode: RegistrationMode) -> None:
        self._bus, self._hasher, self._policy, self._mode = bus, hasher, policy, mode

    async def handle(self, command: RegisterUser) -> RegistrationDTO:
        """Register the user. Raises `Invalid`, `InvitedOnly` and, in the mode `OPEN`, `EmailTaken`."""
        if self._mode is RegistrationMode.INVITED:
            raise InvitedOnly
        email, name, language = EmailAddress.parse(command.email), command.name, command.language
        if self._mode is RegistrationMode.VERIFIED:
            if command.password is not None:
                raise Invalid.of(
                    "/password", "unexpected", "must be left out: choose the password with the link that is sent to the address"
                )
            await self._bus.execute(StorePendingRegistration(email=email, name=name, language=language))
        else:
            if command.password is None:
                raise Invalid.of("/password", "missing", "is required")
            await self._policy.check(command.password, known=(email.value, name))
            hashed = await self._hasher.hash(command.password)
            await self._bus.execute(CreateUser(email=email, name=name, password_hash=hashed, language=language))
        return RegistrationDTO(email=email.value, name=name.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePendingRegistration(Command[None]):
    """Internal: `RegisterUserHandler` sends it. Does the same work for known and unknown addresses.

    Serializable: an address that is registered twice concurrently has one registration.
    """

    permission = PUBLIC
    isolation = Isolation.SERIALIZABLE
    email: EmailAddress
    name: str
    language: Language


class StorePendingRegistrationHandler:
    def __init__(self, registrations: RegistrationRepository, jobs: JobQueue, ids: IdGenerator, clock: Clock) -> None:
        self._registrations, self._jobs, self._ids, self._clock = registrations, jobs, ids, clock

    async def handle(self, command: StorePendingRegistration) -> None:
        """Store the registration and enqueue its e-mail. Raises `Invalid` for an invalid name."""
        name, language, now = command.name, command.language, self._clock.now()
        registration = await self._registrations.unconfirmed(command.email)
        if registration is not None and registration.is_fresh(now):
            registration.register_again(name, language)
            await self._registrations.update(registration)
        else:
            if registration is not None:
                await self._registrations.remove(registration)
            registration = Registration.begin(id=self._ids.new(), email=command.email, name=name, language=language, now=now)
            await self._registrations.create(registration)
        id = self._ids.new()
        await self._jobs.enqueue(MailRegistration(id=id, registration_id=registration.id), unique=str(id))
