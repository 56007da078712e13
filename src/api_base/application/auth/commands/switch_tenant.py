"""Switch the session to another tenant: its access tokens name that tenant from now on."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.auth.dtos import SessionTokens, TokensDTO
from api_base.application.common.cqrs import AUTHENTICATED, Command
from api_base.core.errors import NotFound, Unauthenticated
from api_base.core.protocols import Isolation
from api_base.core.types import TenantId, current_context, request_user
from api_base.domain.auth.entities import Session
from api_base.domain.auth.repository import Memberships, SessionRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchTenant(Command[TokensDTO]):
    permission = AUTHENTICATED
    isolation = Isolation.SERIALIZABLE
    tenant_id: UUID


class SwitchTenantHandler:
    def __init__(self, sessions: SessionRepository, memberships: Memberships, tokens: SessionTokens) -> None:
        self._sessions, self._memberships, self._tokens = sessions, memberships, tokens

    async def handle(self, command: SwitchTenant) -> TokensDTO:
        """Switch the session. Raises `NotFound` for a tenant that the user is not a member of."""
        session = await self._session()
        if not await self._memberships.holds(request_user(), TenantId(command.tenant_id)):
            raise NotFound("tenant", command.tenant_id)
        session.switch(TenantId(command.tenant_id))
        await self._sessions.update(session)
        return self._tokens.of(session, None)

    async def _session(self) -> Session:
        principal = current_context.get().principal
        if principal is None or principal.session_id is None:
            raise Unauthenticated("Switching the tenant requires a session. Log in first.")
        session = await self._sessions.of(principal.user_id, principal.session_id)
        if session is None:
            raise Unauthenticated("The session has ended. Log in again.")
        return session
