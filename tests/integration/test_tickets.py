"""Tickets for connections: each stands for exactly what its owner's token said, once, from one place, and no longer than that token."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from api_base.core.errors import TooManyRequests, Unauthenticated
from api_base.core.protocols import TokenClaims
from api_base.core.types import SessionId, TenantId, UserId
from api_base.infrastructure.auth.tickets import LIFETIME, MAX_OPEN, SqlTickets
from api_base.infrastructure.db.embedded import Urls
from tests.support import FixedClock, stored

NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
ORIGIN = "https://app.example.com"


def claims(tenant: TenantId | None = None, lifetime: timedelta = timedelta(minutes=10)) -> TokenClaims:
    expires_at = int((NOW + lifetime).timestamp())
    return TokenClaims(user_id=UserId(uuid4()), session_id=SessionId(uuid4()), tenant_id=tenant, expires_at=expires_at)


@pytest.mark.parametrize("tenant", [None, TenantId(uuid4())], ids=["without a tenant", "in a tenant"])
@pytest.mark.parametrize("origin", [None, ORIGIN], ids=["without an origin", "of a page"])
async def test_a_ticket_stands_for_the_token_that_it_was_issued_for_once(
    shared_migrated: Urls, tenant: TenantId | None, origin: str | None
) -> None:
    async with stored(shared_migrated) as made:
        tickets, issued_for = SqlTickets(made.database, FixedClock(NOW)), claims(tenant)
        ticket = await tickets.issue(issued_for, origin)
        assert await tickets.redeem(ticket, origin) == issued_for
        with pytest.raises(Unauthenticated, match="unknown, used, expired, or of another origin"):
            await tickets.redeem(ticket, origin)


@pytest.mark.parametrize(
    ("lifetime", "later", "origin"),
    [
        (LIFETIME * 2, LIFETIME, ORIGIN),
        (LIFETIME / 2, LIFETIME / 2, ORIGIN),
        (LIFETIME * 2, timedelta(), "https://evil.example.com"),
        (LIFETIME * 2, timedelta(), None),
    ],
    ids=["the ticket expired", "the token expired before it", "from another page", "from no page"],
)
async def test_a_ticket_that_is_not_good_any_more_or_here_is_refused_and_used_up(
    shared_migrated: Urls, lifetime: timedelta, later: timedelta, origin: str | None
) -> None:
    async with stored(shared_migrated) as made:
        clock = FixedClock(NOW)
        tickets = SqlTickets(made.database, clock)
        ticket = await tickets.issue(claims(lifetime=lifetime), ORIGIN)
        clock.time = NOW + later
        with pytest.raises(Unauthenticated):
            await tickets.redeem(ticket, origin)
        clock.time = NOW
        with pytest.raises(Unauthenticated):
            await tickets.redeem(ticket, ORIGIN)


async def test_a_user_has_a_bounded_number_of_unused_tickets(shared_migrated: Urls) -> None:
    async with stored(shared_migrated) as made:
        clock, mine = FixedClock(NOW), claims()
        tickets = SqlTickets(made.database, clock)
        issued = [await tickets.issue(mine, None) for _ in range(MAX_OPEN)]
        with pytest.raises(TooManyRequests):
            await tickets.issue(mine, None)
        await tickets.issue(claims(), None)  # of another user
        await tickets.redeem(issued[0], None)
        await tickets.issue(mine, None)
        clock.time = NOW + LIFETIME
        await tickets.issue(mine, None)
