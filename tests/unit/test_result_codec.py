"""Results of commands as they are kept: what comes back is equal, or shows the same at the edge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg.pgproto.pgproto
import pytest

from api_base.application.auth.dtos import TokensDTO
from api_base.application.common.listing import Cursors, Page
from api_base.application.common.money import MoneyDTO
from api_base.application.items.dtos import ItemDTO
from api_base.application.tenants.dtos import MemberDTO
from api_base.core.errors import ApiBaseError, Forbidden, Invalid, NotFound, ProgrammingError, StaleVersion, Unavailable, Violation
from api_base.core.types import Err, Ok, Result
from api_base.domain.auth.errors import LoginRefused
from api_base.domain.items.errors import SkuTaken
from api_base.domain.items.value_objects import ItemStatus
from api_base.domain.tenants.entities import Role
from api_base.infrastructure.serialization.json_codec import decode, decode_as, encode
from api_base.infrastructure.serialization.result_codec import decode_result, encode_result
from api_base.interface.errors.handlers import problem_of

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ITEM = ItemDTO(
    id=uuid4(),
    sku="A",
    name="ü 漢字 🎉",
    description="",
    prices=(MoneyDTO(amount="12.50", currency="EUR"), MoneyDTO(amount="13.90", currency="USD")),
    category="c",
    tags=("a", "b"),
    attributes={"n": 1, "f": 1.0, "none": None, "list": [1, {"deep": "x"}], "time": "2026-01-02T03:04:05Z"},
    status=ItemStatus.DRAFT,
    version=3,
    created_at=NOW,
    updated_at=NOW,
    deleted_at=None,
)
MEMBER = MemberDTO(user_id=uuid4(), role=Role.OWNER, version=1, created_at=NOW, updated_at=NOW)


def again(result: Any, declared: Any) -> Any:
    return decode_result(encode_result(result), declared)


def test_the_cursors_of_a_page_are_kept_as_they_are_read() -> None:
    cursors = Cursors("binding", [1, 2], lambda row: [row])
    assert again(Page(items=[1, 2], next_cursor=None, cursors=cursors), Page[int]).cursors == list(cursors)


def test_a_page_in_the_cache_has_its_cursors() -> None:
    page = Page(items=[1, 2], next_cursor=None, cursors=Cursors("binding", [1, 2], lambda row: [row]))
    kept = encode(page)
    assert decode(kept)["cursors"] == [page.cursors[0], page.cursors[1]]
    assert decode_as(kept, Page[int]) == page
    assert page == decode_as(kept, Page[int])
    assert page != Page(items=[1, 2], next_cursor=None, cursors=Cursors("other", [1, 2], lambda row: [row]))


@pytest.mark.parametrize(
    ("result", "declared"),
    [
        (None, type(None)),
        (ITEM, ItemDTO),
        (MEMBER, MemberDTO),
        (Page(items=[ITEM], next_cursor="x"), Page[ItemDTO]),
        (Ok(ITEM), Result[ItemDTO, ApiBaseError]),
        (Ok(None), Result[None, ApiBaseError]),
        ([Ok(ITEM), Ok(ITEM)], Sequence[Result[ItemDTO, ApiBaseError]]),
        (None, ItemDTO | None),
        (ITEM, ItemDTO | None),
        ([], Sequence[Result[ItemDTO, ApiBaseError]]),
        ([1, 2], Sequence[int]),
    ],
    ids=lambda value: "",
)
def test_what_is_kept_comes_back(result: Any, declared: Any) -> None:
    assert again(result, declared) == result


def test_ids_as_the_driver_makes_them() -> None:
    driven = asyncpg.pgproto.pgproto.UUID(str(MEMBER.user_id))
    assert again(MemberDTO(user_id=driven, role=Role.OWNER, version=1, created_at=NOW, updated_at=NOW), MemberDTO) == MEMBER


@pytest.mark.parametrize(
    "error",
    [
        SkuTaken("A"),
        NotFound("item", uuid4()),
        StaleVersion("item", 3),
        Forbidden("not you"),
        Invalid([Violation("/name", "too_long", "is too long"), Violation("", "x", "y")]),
        LoginRefused(None),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_refusal_shows_the_same(error: ApiBaseError) -> None:
    kept = again([Ok(ITEM), Err(error)], Sequence[Result[ItemDTO, ApiBaseError]])
    assert kept[0] == Ok(ITEM)
    assert problem_of(kept[1].error) == problem_of(error)
    assert problem_of(again(Err(error), Result[TokensDTO, LoginRefused]).error) == problem_of(error)


@dataclass(frozen=True, slots=True)
class Strange:
    value: complex


def test_what_cannot_come_back_is_told_before_it_is_kept() -> None:
    with pytest.raises(ProgrammingError, match="complex has no JSON form"):
        encode_result(Strange(1j))
    with pytest.raises(ProgrammingError, match="Unavailable has no JSON form"):
        encode_result(Err(Unavailable("gone")))
    with pytest.raises(ProgrammingError, match="is not a .*ItemDTO"):
        again(MEMBER, ItemDTO)
