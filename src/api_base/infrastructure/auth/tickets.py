"""One-time tickets for connections, for clients that cannot send a header: single-use in all processes, and stored as digests only."""

import secrets
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

from api_base.core.errors import TooManyRequests, Unauthenticated
from api_base.core.protocols import Clock, TokenClaims
from api_base.core.types import SessionId, TenantId, UserId
from api_base.infrastructure.db.session import Database

LIFETIME: Final = timedelta(seconds=30)
MAX_OPEN: Final = 50
"""Unused tickets of one user."""
_BYTES: Final = 32

_ISSUE: Final = """
    insert into event_tickets (digest, user_id, session_id, tenant_id, origin, token_expires_at, expires_at)
    select $1, $2, $3, $4, $5, $6, $7 where (select count(*) from event_tickets where user_id = $2 and expires_at > $8) < $9
"""
_REDEEM: Final = """
    delete from event_tickets where digest = $1
    returning user_id, session_id, tenant_id, origin, token_expires_at, expires_at
"""


class SqlTickets:
    """A ticket that is presented is used up, whatever is wrong with it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def issue(self, claims: TokenClaims, origin: str | None) -> str:
        """Return a ticket. Raises `TooManyRequests` for a user with too many unused ones."""
        ticket, now = secrets.token_urlsafe(_BYTES), self._clock.now()
        values = (
            _digest(ticket),
            claims.user_id,
            claims.session_id,
            claims.tenant_id,
            origin,
            claims.expires_at,
            now + LIFETIME,
            now,
            MAX_OPEN,
        )
        status = await self._database.run(lambda connection: connection.execute(_ISSUE, *values))
        if status == "INSERT 0 0":
            raise TooManyRequests(
                f"You have {MAX_OPEN} unused tickets. Use one, or wait until they expire.", retry_after=LIFETIME.total_seconds()
            )
        return ticket

    async def redeem(self, ticket: str, origin: str | None) -> TokenClaims:
        """Return the claims behind a ticket. Raises `Unauthenticated`; for whatever reason, the message is the same."""
        row = await self._database.run(lambda connection: connection.fetchrow(_REDEEM, _digest(ticket)))
        now = self._clock.now()
        if (
            row is None
            or row["expires_at"] <= now
            or row["origin"] != origin
            or datetime.fromtimestamp(row["token_expires_at"], UTC) <= now
        ):
            raise Unauthenticated("The ticket is unknown, used, expired, or of another origin. Get a new one: POST /api/v1/events/ticket.")
        return TokenClaims(
            user_id=UserId(row["user_id"]),
            session_id=SessionId(row["session_id"]),
            tenant_id=None if row["tenant_id"] is None else TenantId(row["tenant_id"]),
            expires_at=row["token_expires_at"],
        )


def _digest(ticket: str) -> bytes:
    return blake2b(ticket.encode("utf-8", "surrogatepass"), digest_size=32, person=b"event-ticket").digest()
