"""Sessions in use: refreshed, switched to another tenant, ended."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from api_base.application.auth.commands.log_out import CredentialsEnded, EndSession, EndSessionHandler, EndSessions, LogOut, LogOutHandler
from api_base.application.auth.commands.refresh_session import RefreshSession, RefreshSessionHandler
from api_base.application.auth.commands.switch_tenant import SwitchTenant, SwitchTenantHandler
from api_base.application.auth.dtos import SessionTokens, TokensDTO
from api_base.core.errors import NotFound, Unauthenticated
from api_base.core.types import Err, Ok, SessionId, TenantId, UserId
from api_base.domain.auth.entities import Session
from api_base.domain.auth.refresh_token import RefreshToken, new_secret
from tests.factories.auth import GRACE, LIFETIME, NOW, principal, request_of, session
from tests.factories.memory import MemorySessions
from tests.factories.security import ReadableIssuer, readable
from tests.support import FixedClock


class Members:
    """The port `Memberships`: every user is a member of `tenants`, of the first one longest."""

    def __init__(self, *tenants: UUID) -> None:
        self.tenants = tenants

    async def first(self, user_id: UserId) -> TenantId | None:
        return TenantId(self.tenants[0]) if self.tenants else None

    async def holds(self, user_id: UserId, tenant_id: TenantId) -> bool:
        return tenant_id in self.tenants


class World:
    def __init__(self, *sessions: Session, tenants: tuple[UUID, ...] = ()) -> None:
        self.clock, self.refused = FixedClock(NOW), list[tuple[str, UUID | None]]()
        request_of(None)
        self.sessions = MemorySessions(*sessions)
        tokens = SessionTokens(ReadableIssuer(self.clock), self.clock)
        self._refresh = RefreshSessionHandler(self.sessions, Members(*tenants), tokens, self.clock, GRACE, LIFETIME)
        self.switch = SwitchTenantHandler(self.sessions, Members(*tenants), tokens)
        self.log_out = LogOutHandler(self.sessions, self.clock)
        self.end_one = EndSessionHandler(self.sessions, self.clock)
        self.ended = EndSessions(self.sessions, self.clock)

    async def refresh(self, text: str) -> TokensDTO | None:
        match await self._refresh.handle(RefreshSession(refresh_token=text)):
            case Ok(tokens):
                return tokens
            case Err(refusal):
                self.refused.append((refusal.action, refusal.account))
                return None

    def open(self) -> set[UUID]:
        return {session.id for session in self.sessions.all() if session.is_open(self.clock.now())}


def sign_in(to: Session, tenant: UUID | None = None) -> None:
    request_of(principal(user_id=to.user_id, session_id=SessionId(to.id), tenant_id=tenant))


async def test_a_refresh_answers_tokens_of_the_same_session() -> None:
    some, token = session(tenant_id=(tenant := uuid4()))
    tokens = await World(some, tenants=(tenant,)).refresh(token.text())
    assert tokens is not None
    assert tokens.access_token == readable(some.user_id, some.id, some.tenant_id)
    assert tokens.refresh_token != token.text()


async def test_who_lost_the_answer_gets_it_again_and_a_thief_later_ends_all() -> None:
    some, token = session()
    world = World(some)
    first = await world.refresh(token.text())
    world.clock.time += GRACE
    again = await world.refresh(token.text())
    assert first is not None
    assert again is not None
    assert again.refresh_token == first.refresh_token
    assert world.open() == {some.id}
    assert world.refused == []
    world.clock.time += timedelta(seconds=1)
    assert await world.refresh(token.text()) is None
    assert world.open() == set()
    assert world.refused == [("reuse", some.user_id)]
    assert await world.refresh(first.refresh_token) is None
    assert world.refused[1:] == [("refresh", some.user_id)]


async def test_rubbish_and_foreign_tokens_change_nothing() -> None:
    some, token = session()
    world = World(some)
    forged = RefreshToken.issue(user_id=token.user_id, session_id=token.session_id, generation=1, secret=new_secret(), tag_key=new_secret())
    for text in ("", "x", forged.text(), session()[1].text()):
        assert await world.refresh(text) is None
    assert [kept.version for kept in world.sessions.all()] == [some.version]
    assert await world.refresh(token.text()) is not None


async def test_switching_goes_on_in_the_other_tenant() -> None:
    some, before = session(tenant_id=uuid4())
    other = uuid4()
    world = World(some, tenants=(other,))
    sign_in(some)
    tokens = await world.switch.handle(SwitchTenant(tenant_id=other))
    assert tokens.access_token == readable(some.user_id, some.id, other)
    assert tokens.refresh_token is None
    refreshed = await world.refresh(before.text())
    assert refreshed is not None
    assert refreshed.tenant_id == other


@pytest.mark.parametrize("left", [(), (uuid4(),)])
async def test_whose_membership_has_ended_goes_on_in_another_tenant_or_in_none(left: tuple[UUID, ...]) -> None:
    some, token = session(tenant_id=uuid4())
    tokens = await World(some, tenants=left).refresh(token.text())
    assert tokens is not None
    assert tokens.tenant_id == (left[0] if left else None)


async def test_a_tenant_without_membership_is_answered_as_one_that_is_not_there() -> None:
    some, token = session()
    world = World(some, tenants=(uuid4(),))
    sign_in(some)
    with pytest.raises(NotFound, match="No tenant"):
        await world.switch.handle(SwitchTenant(tenant_id=uuid4()))
    assert await world.refresh(token.text()) is not None


async def test_without_a_session_nothing_is_switched() -> None:
    some, _ = session()
    world = World(tenants=(uuid4(),))
    for who in (None, principal(session_id=None), principal(user_id=some.user_id, session_id=SessionId(some.id))):
        request_of(who)
        with pytest.raises(Unauthenticated):
            await world.switch.handle(SwitchTenant(tenant_id=uuid4()))


async def test_logging_out_ends_this_session_or_all_of_ones_own() -> None:
    user = uuid4()
    (one, _), (two, _), (foreign, _) = session(user_id=user), session(user_id=user), session()
    world = World(one, two, foreign)
    sign_in(one)
    await world.log_out.handle(LogOut())
    assert world.open() == {two.id, foreign.id}
    await world.log_out.handle(LogOut(everywhere=True))
    assert world.open() == {foreign.id}


async def test_a_changed_password_ends_the_others_and_a_deactivation_all() -> None:
    user = uuid4()
    (one, _), (two, _), (foreign, _) = session(user_id=user), session(user_id=user), session()
    world = World(one, two, foreign)
    sign_in(one)
    await world.ended.others(CredentialsEnded(aggregate_id=user))
    assert world.open() == {one.id, foreign.id}
    await world.ended.all(CredentialsEnded(aggregate_id=user))
    assert world.open() == {foreign.id}


async def test_a_user_ends_one_session_and_nobody_elses() -> None:
    (here, _), (other, _), (foreign, _) = session(), session(), session()
    other.user_id = here.user_id
    world = World(here, other, foreign)
    sign_in(here)
    await world.end_one.handle(EndSession(id=other.id))
    assert world.open() == {here.id, foreign.id}
    for id in (other.id, foreign.id, uuid4()):
        with pytest.raises(NotFound):
            await world.end_one.handle(EndSession(id=id))
    await world.end_one.handle(EndSession(id=here.id))
    assert world.open() == {foreign.id}
