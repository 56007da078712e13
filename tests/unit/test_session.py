"""A session is a family of refresh tokens: a model says what each use of any token ever seen must come to."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from api_base.core.types import TenantId
from api_base.domain.auth.entities import Lifetime, Refresh, Session
from api_base.domain.auth.refresh_token import RefreshToken, new_secret
from tests.factories.auth import GRACE, LIFETIME, NOW, session


class Family(RuleBasedStateMachine):
    """`tokens` are all that were ever handed out, oldest first; the last is good."""

    tokens: list[RefreshToken]
    session: Session

    @initialize()
    def begin(self) -> None:
        self.now: datetime = NOW
        self.session, first = session()
        self.tokens, self.rotated_at, self.renewed_at, self.ended = [first], None, NOW, False
        self.begun_at = NOW

    @rule(seconds=st.sampled_from([0, 1, 29, 30, 31, 3600, LIFETIME.idle.total_seconds() - 1, LIFETIME.idle.total_seconds()]))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.ended = self.ended or self.now >= min(self.renewed_at + LIFETIME.idle, self.begun_at + LIFETIME.absolute)

    @rule(back=st.integers(0, 4))
    def present(self, back: int) -> None:
        token = self.tokens[max(0, len(self.tokens) - 1 - back)]
        age = len(self.tokens) - 1 - self.tokens.index(token)
        before = self._state()
        outcome, successor = self.session.refresh(token, self.now, GRACE, LIFETIME)
        if self.ended:
            assert (outcome, successor) == (Refresh.REFUSED, None)
            assert self._state() == before
        elif age == 0:
            assert outcome is Refresh.ROTATED
            assert successor is not None
            assert successor not in self.tokens
            self.tokens.append(successor)
            self.rotated_at = self.renewed_at = self.now
        elif age == 1 and self.rotated_at is not None and self.now - self.rotated_at <= GRACE:
            assert (outcome, successor) == (Refresh.REPEATED, self.tokens[-1])
            assert self._state() == before
        else:
            assert (outcome, successor) == (Refresh.REUSED, None)
            self.ended = True

    @rule()
    def forge(self) -> None:
        last = self.tokens[-1]
        before = self._state()
        for generation in (last.generation, 1, 0):
            forged = RefreshToken.issue(
                user_id=last.user_id, session_id=last.session_id, generation=generation, secret=new_secret(), tag_key=new_secret()
            )
            assert self.session.refresh(forged, self.now, GRACE, LIFETIME) == (Refresh.REFUSED, None)
        assert self._state() == before

    @precondition(lambda self: not self.ended)
    @rule()
    def switch(self) -> None:
        tenant = TenantId(uuid4())
        self.session.switch(tenant)
        assert self.session.tenant_id == tenant

    @invariant()
    def open_exactly_until_it_ends(self) -> None:
        assert self.session.is_open(self.now) == (not self.ended)

    @invariant()
    def nothing_kept_opens_anything(self) -> None:
        kept = [value for value in self._state() if isinstance(value, bytes)]
        assert not any(token.secret in kept for token in self.tokens)

    def _state(self) -> tuple[object, ...]:
        return tuple(getattr(self.session, name) for name in Session.__slots__)


TestFamily = Family.TestCase
TestFamily.settings = settings(max_examples=150, stateful_step_count=25)


def test_a_reused_token_ends_the_family_for_who_has_the_good_one_too() -> None:
    some, first = session()
    _, second = some.refresh(first, NOW, GRACE, LIFETIME)
    assert second is not None
    assert some.refresh(first, NOW + GRACE + timedelta(microseconds=1), GRACE, LIFETIME) == (Refresh.REUSED, None)
    assert some.refresh(second, NOW + GRACE, GRACE, LIFETIME) == (Refresh.REFUSED, None)


def test_without_a_grace_there_is_no_second_time() -> None:
    some, first = session()
    some.refresh(first, NOW, timedelta(0), LIFETIME)
    assert some.refresh(first, NOW + timedelta(microseconds=1), timedelta(0), LIFETIME)[0] is Refresh.REUSED


def test_it_ends_once() -> None:
    some, _ = session()
    some.revoke(NOW)
    some.revoke(NOW + LIFETIME.idle)
    assert some.revoked_at == NOW


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=29)])
def test_each_refresh_begins_the_lifetime_anew(later: timedelta) -> None:
    some, first = session()
    some.refresh(first, NOW + later, GRACE, LIFETIME)
    assert some.expires_at == NOW + later + LIFETIME.idle


def test_a_session_ends_absolutely_however_often_it_is_refreshed() -> None:
    some, token = session()
    now = NOW
    while (now := now + LIFETIME.idle / 2) < NOW + LIFETIME.absolute:
        outcome, successor = some.refresh(token, now, GRACE, LIFETIME)
        assert (outcome, some.expires_at) == (Refresh.ROTATED, min(now + LIFETIME.idle, NOW + LIFETIME.absolute))
        assert successor is not None
        token = successor
    assert some.expires_at == NOW + LIFETIME.absolute
    assert not some.is_open(NOW + LIFETIME.absolute)
    assert some.refresh(token, NOW + LIFETIME.absolute, GRACE, LIFETIME) == (Refresh.REFUSED, None)


def test_a_shorter_absolute_lifetime_ends_sessions_that_began_before() -> None:
    some, token = session()
    shorter = Lifetime(idle=LIFETIME.idle, absolute=timedelta(hours=1))
    assert some.refresh(token, NOW + timedelta(hours=1), GRACE, shorter) == (Refresh.REFUSED, None)
    assert some.refresh(token, NOW + timedelta(minutes=59), GRACE, shorter)[0] is Refresh.ROTATED
    assert some.expires_at == NOW + timedelta(hours=1)
