"""Log in with e-mail address and password. Every refusal has the same answer and takes the same time.

The password is verified outside any transaction. The account is read before the verification, for the hash, and after it, because
concurrent attempts may have locked it. A failure is counted after the response, since for an unknown address there is nothing to count.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from api_base.application.auth.commands.start_session import StartSession
from api_base.application.auth.dtos import TokensDTO
from api_base.application.common.cqrs import PUBLIC, Bus, Command
from api_base.core.protocols import AfterResponse, Isolation, PasswordHasher
from api_base.core.types import Err, Ok, Result
from api_base.domain.auth.errors import LoginRefused
from api_base.domain.auth.repository import Credentials, Memberships


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn(Command[Result[TokensDTO, LoginRefused]]):
    permission: ClassVar[str] = PUBLIC
    isolation: ClassVar[Isolation] = Isolation.NONE
    email: str
    user_agent: str = ""
    password: str = field(repr=False)


class LogInHandler:
    def __init__(
        self, bus: Bus, credentials: Credentials, memberships: Memberships, hasher: PasswordHasher, after_response: AfterResponse
    ) -> None:
        self._bus, self._credentials, self._memberships = bus, credentials, memberships
        self._hasher, self._after_response = hasher, after_response

    async def handle(self, command: LogIn) -> Result[TokensDTO, LoginRefused]:
        before = await self._credentials.find(command.email)
        tried = None if before is None else before.password_hash
        good, new_hash = await self._hasher.verify(command.password, tried)
        credential = await self._credentials.find(command.email)
        if credential is not None and not good:
            self._after_response.call(partial(self._credentials.failed, credential.user_id))
        if credential is None or not good or not credential.open or credential.password_hash != tried:
            return Err(LoginRefused(None if credential is None else credential.user_id))
        if new_hash is not None or not credential.settled:
            await self._credentials.succeeded(credential.user_id, new_hash)
        tenant = await self._memberships.first(credential.user_id)
        return Ok(await self._bus.execute(StartSession(user_id=credential.user_id, tenant_id=tenant, user_agent=command.user_agent)))
