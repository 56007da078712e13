"""Fields that are called like a part of the request: what a rule refuses of them is located in the body."""

from dataclasses import dataclass

import pytest
from pydantic import BaseModel

from api_base.core.errors import Invalid
from api_base.interface.routes import RouteOptions, Router
from tests.http_harness import shell

OPEN = RouteOptions(auth="optional")


class Letter(BaseModel, extra="forbid", frozen=True, strict=True):
    refused: str
    title: str = ""
    body: str = ""
    path: str = ""


class Plain(BaseModel, extra="forbid", frozen=True, strict=True):
    refused: str


@dataclass(frozen=True, slots=True)
class Answer:
    text: str


def letters(*, camel: bool) -> Router:
    router = Router(rename="camel") if camel else Router()

    @router.post("/letters", OPEN)
    async def write(body: Letter) -> Answer:
        raise Invalid.of(body.refused, "range", "is refused")

    @router.post("/plain", OPEN)
    async def write_plain(body: Plain) -> Answer:
        raise Invalid.of(body.refused, "range", "is refused")

    return router


@pytest.mark.parametrize("camel", [False, True])
@pytest.mark.parametrize(
    ("pointer", "shown"),
    [
        ("/title", "/body/title"),
        ("/body", "/body/body"),
        ("/body/0", "/body/body/0"),
        ("/body/title", "/body/title"),
        ("/body/body", "/body/body"),
        ("/path", "/body/path"),
        ("/query", "/query"),
    ],
)
async def test_a_refused_field_is_located_in_the_body(pointer: str, shown: str, camel: bool) -> None:
    async with shell(letters(camel=camel)).client() as client:
        answer = await client.post("/api/v1/letters", json={"refused": pointer})
    assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, [shown])


@pytest.mark.parametrize("pointer", ["/body", "/body/title", "/path/id"])
async def test_a_body_without_such_a_field_keeps_pointers_into_the_request(pointer: str) -> None:
    async with shell(letters(camel=False)).client() as client:
        answer = await client.post("/api/v1/plain", json={"refused": pointer})
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


async def test_what_is_no_body_at_all_is_located_as_before() -> None:
    async with shell(letters(camel=False)).client() as client:
        answer = await client.post("/api/v1/letters", json=[])
        wrong = await client.post("/api/v1/letters", json={"refused": "", "body": 1, "path": "", "other": 1})
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/body"]
    assert sorted(one["pointer"] for one in wrong.json()["errors"]) == ["/body/body", "/body/other"]
