"""Register a user. The password is checked and hashed before any transaction begins.

If addresses must be verified, a known address gets the same answer as a new one after the same work; only the e-mail differs.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from api_base.application.common.cqrs import PUBLIC, Bus, Command
from api_base.application.users.commands.confirm_registration import MailRegistration
from api_base.application.users.commands.create_user import CreateUser
from api_base.application.users.dtos import RegistrationDTO
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
    password: str = field(repr=False)
    language: Language = Language.EN


class RegisterUserHandler:
    def __init__(self, bus: Bus, hasher: PasswordHasher, policy: PasswordPolicy, mode: RegistrationMode) -> None:
        self._bus, self._hasher, self._policy, self._mode = bus, hasher, policy, mode

    async def handle(self, command: RegisterUser) -> RegistrationDTO:
        """Register the user. Raises `Invalid`, `InvitedOnly` and, in the mode `OPEN`, `EmailTaken`."""
        if self._mode is RegistrationMode.INVITED:
            raise InvitedOnly
        email, name, language = EmailAddress.parse(command.email), command.name, command.language
        await self._policy.check(command.password, known=(email.value, name))
        hashed = await self._hasher.hash(command.password)
        if self._mode is RegistrationMode.OPEN:
            await self._bus.execute(CreateUser(email=email, name=name, password_hash=hashed, language=language))
        else:
            await self._bus.execute(StorePendingRegistration(email=email, name=name, password_hash=hashed, language=language))
        return RegistrationDTO(email=email.value, name=name.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePendingRegistration(Command[None]):
    """Internal: `RegisterUserHandler` sends it. Does the same work for known and unknown addresses."""

    permission = PUBLIC
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
