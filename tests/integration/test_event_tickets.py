"""Tickets of connections: what a ticket stands for, that it is worth one attempt, and until when."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from api_base.core.errors import TooManyRequests, Unauthenticated
from api_base.core.protocols import TokenClaims
from api_base.core.types import SessionId, TenantId, UserId
from api_base.infrastructure.auth.tickets import LIFETIME, MAX_OPEN, SqlTickets
from api_base.infrastructure.db.embedded import Urls
from tests.support import FixedClock, stored

ORIGIN = "https://app.example.com"
INSTANT = timedelta(microseconds=1)
START = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
async def tickets(shared_migrated: Urls, clock: FixedClock) -> AsyncIterator[SqlTickets]:
    async with stored(shared_migrated) as store:
        yield SqlTickets(store.database, clock)


def claims(tenant: TenantId | None = None, ends: timedelta = timedelta(hours=1)) -> TokenClaims:
    return TokenClaims(user_id=UserId(uuid4()), session_id=SessionId(uuid4()), tenant_id=tenant, expires_at=int((START + ends).timestamp()))


@pytest.mark.parametrize("tenant", [None, TenantId(uuid4())], ids=["no tenant", "a tenant"])
async def test_a_ticket_stands_once_for_the_token_that_it_was_issued_for(tickets: SqlTickets, tenant: TenantId | None) -> None:
    whose = claims(tenant)
    ticket = await tickets.issue(whose, ORIGIN)
    assert await tickets.redeem(ticket, ORIGIN) == whose
    with pytest.raises(Unauthenticated):
        await tickets.redeem(ticket, ORIGIN)


@pytest.mark.parametrize(
    ("issued", "presented"), [(ORIGIN, "https://evil.example.com"), (ORIGIN, None), (None, ORIGIN)], ids=["another", "none", "a new one"]
)
async def test_a_ticket_of_another_origin_is_used_up(tickets: SqlTickets, issued: str | None, presented: str | None) -> None:
    ticket = await tickets.issue(claims(), issued)
    with pytest.raises(Unauthenticated):
        await tickets.redeem(ticket, presented)
    with pytest.raises(Unauthenticated):
        await tickets.redeem(ticket, issued)


@pytest.mark.parametrize("ticket", ["", "x", "\ud800", "é" * 1000])
async def test_what_is_no_ticket_is_refused(tickets: SqlTickets, ticket: str) -> None:
    with pytest.raises(Unauthenticated):
        await tickets.redeem(ticket, None)


@pytest.mark.parametrize("token", [timedelta(hours=1), timedelta(seconds=10)], ids=["by its own time", "by that of its token"])
async def test_a_ticket_expires(tickets: SqlTickets, clock: FixedClock, token: timedelta) -> None:
    last = min(LIFETIME, token)
    good, late = await tickets.issue(claims(ends=token), None), await tickets.issue(claims(ends=token), None)
    clock.time = START + last - INSTANT
    await tickets.redeem(good, None)
    clock.time = START + last
    with pytest.raises(Unauthenticated):
        await tickets.redeem(late, None)


async def test_a_user_has_so_many_unused_tickets_and_another_user_theirs(tickets: SqlTickets, clock: FixedClock) -> None:
    whose = claims()
    first, *_ = [await tickets.issue(whose, None) for _ in range(MAX_OPEN)]
    with pytest.raises(TooManyRequests):
        await tickets.issue(whose, None)
    await tickets.issue(replace(whose, user_id=UserId(uuid4())), None)
    await tickets.redeem(first, None)
    await tickets.issue(whose, None)
    with pytest.raises(TooManyRequests):
        await tickets.issue(whose, None)
    clock.time = START + LIFETIME
    await tickets.issue(whose, None)


async def test_the_database_holds_no_ticket(tickets: SqlTickets, shared_migrated: Urls) -> None:
    ticket = await tickets.issue(claims(), None)
    async with stored(shared_migrated) as store:
        [*digests] = await store.database.run(lambda connection: connection.fetch("select digest from event_tickets"))
    assert {len(row["digest"]) for row in digests} == {32}
    assert all(ticket.encode() not in row["digest"] for row in digests)
