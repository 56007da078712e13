"""Cursors of lists and of search servers: what a client may send back."""

import base64
import json
from uuid import UUID, uuid4

import pytest

from api_base.application.common import listing
from api_base.application.common.listing import MAX_CURSOR_LENGTH, Cursors, decode_cursor
from api_base.application.common.search import encode_cursor
from api_base.core.errors import Invalid
from api_base.core.protocols import SearchRequest
from api_base.infrastructure.elasticsearch.cursor import place_after

TENANT = UUID(int=7)
BINDING, OTHER = "0a" * 9, "1b" * 9
ID = uuid4()


def given(cursor: str) -> SearchRequest:
    return SearchRequest(indexes=("films",), q="godfather", cursor=cursor)


def forged(*keys: object) -> str:
    """A cursor that a client computes itself: the digest in it is no secret."""
    digest = json.loads(_decoded(encode_cursor(SearchRequest(indexes=("films",), q="godfather"), TENANT, [1.0, 9, "films", str(ID)])))[0]
    return base64.urlsafe_b64encode(json.dumps([digest, *keys]).encode()).decode().rstrip("=")


def _decoded(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def test_a_cursor_holds_the_place_of_a_hit() -> None:
    assert place_after(given(forged(1.5, 9, "films", str(ID))), TENANT) == (1.5, 9, "films", str(ID))


@pytest.mark.parametrize(
    "keys",
    [
        (10**400, 9, "films", str(ID)),
        (-1, 9, "films", str(ID)),
        (1e308, 9, "films", str(ID)),
        ("1.5", 9, "films", str(ID)),
        ([1], 9, "films", str(ID)),
        (1.5, 2**40, "films", str(ID)),
        (1.5, -1, "films", str(ID)),
        (1.5, True, "films", str(ID)),
        (1.5, 9, "others", str(ID)),
        (1.5, 9, ["films"], str(ID)),
        (1.5, 9, "films", 1),
        (1.5, 9, "films", "x"),
        (1.5, 9, "films"),
    ],
)
def test_a_place_that_no_hit_has_is_invalid(keys: tuple[object, ...]) -> None:
    with pytest.raises(Invalid):
        place_after(given(forged(*keys)), TENANT)


def test_a_cursor_of_another_tenant_is_invalid() -> None:
    with pytest.raises(Invalid):
        place_after(given(forged(1.5, 9, "films", str(ID))), uuid4())


def of_list(binding: str, key: str) -> str:
    return Cursors(binding, [key], lambda row: [row])[0]


def test_a_cursor_of_a_list_holds_the_keys_of_a_row() -> None:
    assert decode_cursor(of_list(BINDING, "chair"), BINDING, [(str, False)]) == ["chair"]


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [
        (of_list(BINDING, "a" * 45_000), "is not a cursor"),
        (of_list(BINDING, "a" * MAX_CURSOR_LENGTH), "is not a cursor"),
        (of_list(OTHER, "chair"), "belongs to another list"),
        (of_list(OTHER, "a" * 3000), "belongs to another list"),
    ],
    ids=["60 KB", "a bit too long", "another list", "a long one of another list"],
)
def test_a_cursor_that_is_too_long_or_of_another_list_is_refused_without_being_parsed(
    cursor: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[object] = []
    monkeypatch.setattr(listing.json, "loads", parsed.append)
    with pytest.raises(Invalid, match=reason):
        decode_cursor(cursor, BINDING, [(str, False)])
    assert parsed == []
