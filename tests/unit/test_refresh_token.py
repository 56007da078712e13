"""Refresh tokens: what is written is read, what is not ours is not, and only who had one can make one that counts."""

import base64
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_base.core.types import SessionId, UserId
from api_base.domain.auth.refresh_token import RefreshToken, new_secret, successor_secret

KEY = new_secret()


def token(tag_key: bytes = KEY, generation: int = 1) -> RefreshToken:
    return RefreshToken.issue(
        user_id=UserId(uuid4()), session_id=SessionId(uuid4()), generation=generation, secret=new_secret(), tag_key=tag_key
    )


def test_what_is_written_is_read() -> None:
    some = token(generation=2**32 - 1)
    assert RefreshToken.parse(some.text()) == some
    assert some.genuine(KEY)


@given(st.text() | st.binary(min_size=84, max_size=84).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_what_is_read_is_written_the_same_and_anything_else_is_none(text: str) -> None:
    parsed = RefreshToken.parse(text)
    assert parsed is None or (parsed.text() == text and not parsed.genuine(KEY))


@pytest.mark.parametrize(
    "spoil", [lambda t: t + "=", lambda t: t + "====", lambda t: t[:-1], lambda t: t + "A", lambda t: " " + t, lambda t: t[:-1] + "\u00e9"]
)
def test_near_misses_are_none(spoil: object) -> None:
    assert callable(spoil)
    assert RefreshToken.parse(spoil(token().text())) is None


@pytest.mark.parametrize("position", [0, 16, 32, 35, 36, 67, 68, 83])
def test_no_part_can_be_changed(position: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(token().text()))
    raw[position] ^= 1
    changed = RefreshToken.parse(base64.urlsafe_b64encode(raw).decode())
    assert changed is not None
    assert not changed.genuine(KEY)


def test_a_token_of_another_session_is_not_genuine() -> None:
    assert not token(tag_key=new_secret()).genuine(KEY)


def test_a_successor_needs_both_the_secret_and_the_nonce() -> None:
    secret, nonce = new_secret(), new_secret()
    assert successor_secret(secret, nonce) == successor_secret(secret, nonce)
    assert (
        len({successor_secret(secret, nonce), successor_secret(new_secret(), nonce), successor_secret(secret, new_secret()), secret}) == 4
    )


def test_it_does_not_show_its_secret() -> None:
    some = token()
    assert repr(some.secret) not in repr(some)
