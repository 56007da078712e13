"""Log in with e-mail address and password. Every refusal has the same answer and takes the same time.

The password is verified outside any transaction. The account is read before the verification, for the hash, and after it, because it may
have changed. `PasswordHasher` counts the failures.
"""

from dataclasses import dataclass, field

from api_base.application.auth.commands.known_devices import KnownDevices
from api_base.application.auth.dtos import SessionTokens, TokensDTO
from api_base.application.common.cqrs import PUBLIC, Bus, Command
from api_base.core.protocols import Clock, IdGenerator, Isolation, PasswordHasher
from api_base.core.types import NO_USER, Err, Ok, Result, SessionId, TenantId, UserId, current_context
from api_base.domain.auth.entities import Lifetime, Session
from api_base.domain.auth.errors import LoginRefused
from api_base.domain.auth.repository import Credentials, Memberships, SessionRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn(Command[Result[TokensDTO, LoginRefused]]):
    permission = PUBLIC
    isolation = Isolation.NONE
    email: str
    user_agent: str = ""
    password: str = field(repr=False)


class LogInHandler:
    def __init__(self, bus: Bus, credentials: Credentials, memberships: Memberships, hasher: PasswordHasher, devices: KnownDevices) -> None:
        self._bus, self._credentials, self._memberships = bus, credentials, memberships
        self._hasher, self._devices = hasher, devices

    async def handle(self, command: LogIn) -> Result[TokensDTO, LoginRefused]:
        """Log in. Raises `TooManyRequests` after too many wrong passwords, for unknown addresses alike."""
        before = await self._credentials.find(command.email)
        tried = None if before is None else before.password_hash
        device = await self._devices.known(NO_USER if before is None else before.user_id, command.user_agent)
        account = command.email.strip().lower()
        good, new_hash = await self._hasher.verify(command.password, tried, account=account, device=device)
        credential = await self._credentials.find(command.email)
        if credential is None or not good or not credential.open or credential.password_hash != tried:
            return Err(LoginRefused(None if credential is None else credential.user_id))
        if new_hash is not None:
            await self._credentials.renew(credential, new_hash)
        tenant = await self._memberships.first(credential.user_id)
        return Ok(await self._bus.execute(StartSession(user_id=credential.user_id, tenant_id=tenant, user_agent=command.user_agent)))


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSession(Command[TokensDTO]):
    """Internal: `LogInHandler` sends it for an authenticated user."""

    permission = PUBLIC
    user_id: UserId
    tenant_id: TenantId | None
    user_agent: str = ""


class StartSessionHandler:
    def __init__(
        self,
        sessions: SessionRepository,
        devices: KnownDevices,
        tokens: SessionTokens,
        ids: IdGenerator,
        clock: Clock,
        lifetime: Lifetime,
    ) -> None:
        self._sessions, self._devices, self._tokens = sessions, devices, tokens
        self._ids, self._clock, self._lifetime = ids, clock, lifetime

    async def handle(self, command: StartSession) -> TokensDTO:
        session, refresh = Session.begin(
            id=SessionId(self._ids.new()),
            user_id=command.user_id,
            tenant_id=command.tenant_id,
            now=self._clock.now(),
            lifetime=self._lifetime,
            user_agent=command.user_agent,
            address=current_context.get().address,
        )
        await self._sessions.create(session)
        await self._devices.note(command.user_id, command.user_agent)
        return self._tokens.of(session, refresh)
