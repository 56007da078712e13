"""Adapters from the context `users` to the ports of auth, flags and tenants, which know users only by id."""

from collections.abc import Sequence

from api_base.application.common.cqrs import Bus
from api_base.application.services.mailing import Recipient
from api_base.application.users.commands.change_password import RenewPasswordHash
from api_base.bootstrap.context import Ports
from api_base.core.errors import Invalid
from api_base.core.protocols import Clock, IdGenerator, PasswordHasher, PasswordPolicy
from api_base.core.types import NO_USER, Language, UserId
from api_base.domain.auth.repository import Credential
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import User, UserStatus
from api_base.domain.users.repository import UserRepository
from api_base.infrastructure.users.repository import SqlUserRepository


class UserCredentials:
    """Implements the ports `Credentials` and `Recipients` of auth."""

    def __init__(self, users: UserRepository, bus: Bus) -> None:
        self._users, self._bus = users, bus

    async def find(self, email: str) -> Credential | None:
        """Return the credentials of the user with this address; None for an unknown or invalid address."""
        user = await by_email(self._users, email)
        password_hash = await self._users.password_hash(NO_USER if user is None else UserId(user.id))  # an unknown address takes as long
        if user is None:
            return None
        return Credential(user_id=UserId(user.id), password_hash=password_hash, open=user.status is UserStatus.ACTIVE)

    async def renew(self, credential: Credential, new_hash: str) -> None:
        """Store a hash of the same password with the current hashing parameters."""
        command = RenewPasswordHash(user_id=credential.user_id, new_hash=new_hash, verified_hash=credential.password_hash)
        await self._bus.execute(command)

    async def recipient(self, user_id: UserId) -> Recipient | None:
        """Return the e-mail address and language of a user, or None for an unknown user."""
        user = await self._users.get(user_id)
        return None if user is None else Recipient(email=user.email.value, language=user.language)


class PlatformAdministrators:
    """Implements the port `Administrators` of flags."""

    def __init__(self, users: UserRepository) -> None:
        self._users = users

    async def active(self, user_id: UserId) -> bool:
        """Whether the user is an active administrator of the platform."""
        user = await self._users.get(user_id)
        return user is not None and user.platform_admin and user.status is UserStatus.ACTIVE


class UserIdentities:
    """Implements the port `Identities` of tenants."""

    def __init__(self, users: UserRepository, hasher: PasswordHasher, policy: PasswordPolicy, ids: IdGenerator, clock: Clock) -> None:
        self._users, self._hasher, self._policy, self._ids, self._clock = users, hasher, policy, ids, clock

    async def id_of(self, email: str) -> UserId | None:
        """Return the id of the active user with this address, or None."""
        user = await self._active(email)
        return None if user is None else UserId(user.id)

    async def ids_of(self, emails: Sequence[EmailAddress]) -> dict[EmailAddress, UserId]:
        """The ids of the active users among those with these addresses."""
        return {user.email: UserId(user.id) for user in await self._users.by_emails(emails) if user.status is UserStatus.ACTIVE}

    async def email_of(self, user_id: UserId) -> EmailAddress | None:
        """Return the address of the active user with this id, or None."""
        user = await self._users.get(user_id)
        return user.email if user is not None and user.status is UserStatus.ACTIVE else None

    async def language_of(self, email: str) -> Language | None:
        """Return the language of the active user with this address, or None."""
        user = await self._active(email)
        return None if user is None else user.language

    async def prepared(self, email: str, name: str, password: str) -> str:
        """Return the hash of a password. Raises `Invalid` if the password policy refuses it."""
        await self._policy.check(password, known=(email, name))
        return await self._hasher.hash(password)

    async def register(self, email: str, name: str, password_hash: str, language: Language) -> UserId:
        """Create a user in the open unit of work. Raises `Invalid`; the commit raises `EmailTaken`."""
        user = User.register(
            id=self._ids.new(),
            email=EmailAddress.parse(email),
            name=name,
            language=language,
            now=self._clock.now(),
        )
        await self._users.create(user)
        await self._users.set_password_hash(UserId(user.id), password_hash)
        return UserId(user.id)

    async def _active(self, email: str) -> User | None:
        user = await by_email(self._users, email)
        return user if user is not None and user.status is UserStatus.ACTIVE else None


async def by_email(users: UserRepository, email: str) -> User | None:
    """Return the user with this address; None for an unknown or invalid address."""
    try:
        return await users.by_email(EmailAddress.parse(email))
    except Invalid:
        return None


def credentials(ports: Ports) -> UserCredentials:
    """Build the adapter for the context `auth`."""
    return UserCredentials(SqlUserRepository(ports.database), ports.bus)


def identities(ports: Ports) -> UserIdentities:
    """Build the adapter for the context `tenants`."""
    hasher, policy = ports.password_hasher, ports.password_policy
    return UserIdentities(SqlUserRepository(ports.database), hasher, policy, ports.ids, ports.clock)
