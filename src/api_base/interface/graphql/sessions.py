"""Callers of subscriptions: a session ends with its token, its user or its membership, within a second."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from api_base.core.errors import Unauthenticated, Unavailable
from api_base.core.protocols import AccessLookup, TokenClaims, TokenVerifier
from api_base.core.types import RequestContext

CHECK_INTERVAL: Final = 0.4
"""Seconds between two checks of every session."""


class LiveSession:
    """`context` is the current one of the caller: its principal has the permissions of the last check."""

    def __init__(self, sessions: "LiveSessions", context: RequestContext, claims: TokenClaims, on_end: Callable[[str], None]) -> None:
        self.context, self.claims, self.on_end = context, claims, on_end
        self._sessions = sessions

    def close(self) -> None:
        """Check no longer. Closing twice does nothing."""
        self._sessions.forget(self)


class LiveSessions:
    """The sessions of one process."""

    def __init__(self, verifier: TokenVerifier, access: AccessLookup) -> None:
        self._verifier, self._access = verifier, access
        self._open: set[LiveSession] = set()
        self._checks: asyncio.Task[None] | None = None

    async def authenticated(self, context: RequestContext, token: str) -> RequestContext:
        """Return the context of the caller with this access token. Raises `Unauthenticated`."""
        claims = self._verifier.verify(token.encode("utf-8", "surrogatepass"))
        return context.acting(await self._access.principal(claims), token)

    def open(self, context: RequestContext, on_end: Callable[[str], None]) -> LiveSession:
        """Open the session of the valid token in `context`. `on_end` is called with the reason when it ends. Raises `Unauthenticated`."""
        session = LiveSession(self, context, self._verifier.verify(context.access_token.encode()), on_end)
        self._open.add(session)
        if self._checks is None or self._checks.done():
            self._checks = asyncio.get_running_loop().create_task(self._check_all())
        return session

    async def renew(self, session: LiveSession, token: str) -> None:
        """Continue with a fresh token of the same user, session and tenant. Raises `Unauthenticated` for another one."""
        context = await self.authenticated(session.context, token)
        claims, old = self._verifier.verify(token.encode()), session.claims
        if (claims.user_id, claims.session_id, claims.tenant_id) != (old.user_id, old.session_id, old.tenant_id):
            raise Unauthenticated("The token is of another user, session or tenant. Open a new connection for it.")
        session.context, session.claims = context, claims

    def forget(self, session: LiveSession) -> None:
        """Remove a session."""
        self._open.discard(session)

    async def _check_all(self) -> None:
        while self._open:
            await asyncio.sleep(CHECK_INTERVAL)
            for session in tuple(self._open):
                await self._check(session)

    async def _check(self, session: LiveSession) -> None:
        claims = session.claims
        try:
            if claims.expires_at <= time.time():
                raise Unauthenticated("The access token has expired.")
            principal = await self._access.principal(claims)
        except Unauthenticated as error:
            if session in self._open and session.claims is claims:
                session.close()
                session.on_end(str(error))
        except Unavailable:
            return  # the next check decides
        else:
            if session.claims is claims:
                session.context = session.context.acting(principal, session.context.access_token)
