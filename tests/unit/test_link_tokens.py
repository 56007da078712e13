"""Link tokens: genuine ones open for their purpose, after a rotation too; nothing else does."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_base.infrastructure.auth import keys
from api_base.infrastructure.auth.link_tokens import HmacLinkTokens
from tests.factories.keys import signing_key

KEY = signing_key()
TOKENS = HmacLinkTokens([KEY])


@given(st.lists(st.uuids(), min_size=1, max_size=4))
def test_a_token_names_its_ids_and_is_always_the_same(ids: list[UUID]) -> None:
    token = TOKENS.seal("reset", *ids)
    assert TOKENS.open("reset", token) == tuple(ids)
    assert TOKENS.seal("reset", *ids) == token
    assert token == token.strip().replace("/", "").replace("+", "").replace("=", "")


def test_a_token_is_good_for_its_purpose_alone() -> None:
    assert TOKENS.open("confirm", TOKENS.seal("reset", uuid4())) is None


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_token_that_was_changed_is_none(at: int, by: int) -> None:
    token = bytearray(TOKENS.seal("reset", UUID(int=1)).encode())
    token[at % len(token)] = (token[at % len(token)] + by) % 256
    assert TOKENS.open("reset", token.decode("latin-1")) is None


@pytest.mark.parametrize("token", ["", "a", "A" * 43, "A" * 64, "A" * 300, "ç", "\0"])
def test_rubbish_is_none(token: str) -> None:
    assert TOKENS.open("reset", token) is None


def test_old_keys_open_what_they_sealed_and_strangers_nothing() -> None:
    token, id = TOKENS.seal("reset", UUID(int=1)), UUID(int=1)
    assert HmacLinkTokens([signing_key(), KEY]).open("reset", token) == (id,)
    assert HmacLinkTokens([signing_key()]).open("reset", token) is None
    assert HmacLinkTokens([KEY, signing_key()]).seal("reset", id) == token


def test_a_token_names_at_most_four_ids() -> None:
    ids = [UUID(int=number) for number in range(5)]
    assert TOKENS.open("reset", TOKENS.seal("reset", *ids[:4])) == tuple(ids[:4])
    assert TOKENS.open("reset", TOKENS.seal("reset", *ids)) is None


PEM = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
"""


def test_a_token_in_a_mail_of_an_earlier_release_opens() -> None:
    sent = "AAAAAAAAAAAAAAAAAAAAAYYZZV3mFI0LWJxqxlgqmOTbFp2ahuAJHAnDLyDSToNB"
    assert HmacLinkTokens(keys.load([PEM], Path())).open("reset", sent) == (UUID(int=1),)


@pytest.mark.parametrize(
    ("token", "before", "after"),
    [
        ("AAAAAAAAAAAAAAAAAAAAAo3oJmAr8rEMqs5oiI-GzO_UGox8I-3K7OtkO0bhgHLs", "-", "+"),
        ("AAAAAAAAAAAAAAAAAAAAAo3oJmAr8rEMqs5oiI-GzO_UGox8I-3K7OtkO0bhgHLs", "_", "/"),
        ("AAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAL1L8cWaZkvJt5zFw1unMVjhwGfQZTCXeeB2IGZMhWAlw", "lw", "lx"),
    ],
)
def test_a_token_is_written_in_one_way_only(token: str, before: str, after: str) -> None:
    tokens = HmacLinkTokens(keys.load([PEM], Path()))
    assert tokens.open("reset", token) is not None
    assert tokens.open("reset", token.replace(before, after)) is None
