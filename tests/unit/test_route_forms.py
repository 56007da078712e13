"""Forms and files of a Router: read in bounded memory, before and without authentication, and closed when the function ends."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import httpx2
import pytest
from fastapi import Depends, File, Form, UploadFile
from pydantic import BaseModel

from api_base.core.errors import Conflict
from api_base.interface.openapi.document import install
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.form import MAX_FIELDS, MAX_MEMORY_BYTES
from tests.e2e.documentation import blocks
from tests.http_harness import GOOD, HttpHarness, settings, shell

LIMIT = 5000
MULTIPART = {"content-type": "multipart/form-data; boundary=b"}
URLENCODED = {"content-type": "application/x-www-form-urlencoded"}


class Kept:
    """Routes with files, and what their functions took."""

    def __init__(self, options: RouteOptions = RouteOptions(auth="optional"), body_limit: int = LIMIT) -> None:
        self.taken: list[Any] = []
        self.files: list[UploadFile] = []
        router = Router()

        @router.post("/upload", options, status_code=204)
        async def upload(picture: UploadFile, title: Annotated[str, Form(max_length=30)] = "none") -> None:
            self.files.append(picture)
            self.taken.append((await picture.read(), picture.filename, picture.content_type, picture.size, title))

        @router.post("/many", options, status_code=204)
        async def many(pictures: list[UploadFile], notes: Annotated[list[bytes], File()] = []) -> None:  # noqa: B006 -- copied for each request
            self.files += pictures
            self.taken.append(([one.filename for one in pictures], notes))

        @router.post("/small", options, status_code=204)
        async def small(content: Annotated[bytes | None, File(max_length=3)] = None) -> None:
            self.taken.append(content)

        @router.post("/fails", options, status_code=204)
        async def fails(picture: UploadFile) -> None:
            self.files.append(picture)
            raise Conflict("no")

        @router.post("/text", options, status_code=204)
        async def text(title: Annotated[str, Form()]) -> None:
            self.taken.append(title)

        self.harness: HttpHarness = shell(router, settings=settings(server={"max_body_bytes": body_limit}))

    async def ask(self, path: str, content: bytes | AsyncIterator[bytes], headers: Mapping[str, str] = MULTIPART) -> httpx2.Response:
        async with self.harness.client() as client:
            return await client.post(f"/api/v1/{path}", content=content, headers=dict(headers))


def part(name: str, content: bytes, filename: str | None = None, media_type: str | None = None) -> bytes:
    named = "" if filename is None else f'; filename="{filename}"'
    typed = "" if media_type is None else f"\r\nContent-Type: {media_type}"
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{named}{typed}\r\n\r\n'.encode() + content + b"\r\n"


END = b"--b--\r\n"


def errors(answer: httpx2.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(one["pointer"], one["code"]) for one in answer.json()["errors"]]


async def test_a_file_arrives_with_its_name_and_type_and_is_closed_afterwards() -> None:
    kept = Kept()
    answer = await kept.ask("upload", part("picture", b"\x89\r\n--", "Zoë.png", "image/png") + part("title", "Zoë".encode()) + END)
    assert (answer.status_code, kept.taken) == (204, [(b"\x89\r\n--", "Zoë.png", "image/png", 5, "Zoë")])
    assert kept.files[0].file.closed


async def test_files_are_closed_when_the_function_raises() -> None:
    kept = Kept()
    assert (await kept.ask("fails", part("picture", b"a", "a") + END)).status_code == 409
    assert kept.files[0].file.closed


async def test_several_files_under_one_name_and_files_as_bytes() -> None:
    kept = Kept()
    body = part("pictures", b"a", "a.png") + part("notes", b"1", "1.txt") + part("pictures", b"b", "b.png") + part("notes", b"2", "2.txt")
    assert (await kept.ask("many", body + END)).status_code == 204
    assert (await kept.ask("many", part("pictures", b"a", "a.png") + END)).status_code == 204
    assert kept.taken == [(["a.png", "b.png"], [b"1", b"2"]), (["a.png"], [])]
    assert all(one.file.closed for one in kept.files)


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("upload", b"", [("/body/picture", "missing")]),
        ("upload", part("picture", b"", ""), [("/body/picture", "missing")]),
        ("upload", part("picture", b"text"), [("/body/picture", "file_expected")]),
        ("upload", part("picture", b"a", "a") + part("title", b"t", "t.txt"), [("/body/title", "text_expected")]),
        ("upload", part("picture", b"a", "a") * 2, [("/body/picture", "repeated")]),
        ("upload", part("picture", b"a", "a") + part("other", b"b", "b"), [("/body/other", "extra_forbidden")]),
        ("upload", part("picture", b"a", "a") + part("title", b"x" * 31), [("/body/title", "string_too_long")]),
        ("upload", part("picture", b"a", "a") + part("title", b"\xff"), [("/body/title", "encoding")]),
        ("small", part("content", b"1234", "a"), [("/body/content", "bytes_too_long")]),
        ("many", part("pictures", b"", "a") * (MAX_FIELDS + 1), [("/body", "too_many")]),
    ],
)
async def test_a_wrong_form_is_refused_by_the_name_of_the_field(path: str, body: bytes, expected: list[tuple[str, str]]) -> None:
    kept = Kept(body_limit=50_000)
    assert errors(await kept.ask(path, body + END)) == expected
    assert kept.taken == []


async def test_a_file_that_was_not_chosen_is_absent() -> None:
    kept = Kept()
    assert (await kept.ask("small", part("content", b"", "") + END)).status_code == 204
    assert kept.taken == [None]


@pytest.mark.parametrize(
    "body", [b"", b"a", part("picture", b"a", "a"), part("picture", b"a", "a") + b"--b", part("p\xff", b"a"), b"--c--\r\n"]
)
async def test_a_malformed_form_is_refused(body: bytes) -> None:
    kept = Kept()
    answer = await kept.ask("upload", body)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed-body")


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("upload", "application/x-www-form-urlencoded"), ("upload", "application/json"), ("text", "application/json"), ("text", "text/plain")],
)
async def test_another_media_type_is_refused(path: str, content_type: str) -> None:
    answer = await Kept().ask(path, b"title=a", {"content-type": content_type})
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")


async def test_a_form_of_text_may_be_sent_either_way() -> None:
    kept = Kept()
    assert (await kept.ask("text", b"title=a+b", URLENCODED)).status_code == 204
    assert (await kept.ask("text", part("title", b"a b") + END)).status_code == 204
    assert kept.taken == ["a b", "a b"]


async def test_a_content_coding_is_refused() -> None:
    for path, headers in (("upload", MULTIPART), ("text", URLENCODED)):
        assert (await Kept().ask(path, END, headers | {"content-encoding": "gzip"})).status_code == 415


@pytest.mark.parametrize(("path", "headers"), [("upload", MULTIPART), ("text", URLENCODED)])
async def test_the_limit_holds_for_an_anonymous_caller_and_without_a_declared_length(path: str, headers: Mapping[str, str]) -> None:
    kept = Kept()
    body = part("picture", b"x" * LIMIT, "a") + END if path == "upload" else b"title=" + b"x" * LIMIT

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 700):
            yield body[start : start + 700]

    assert [(await kept.ask(path, content, headers)).status_code for content in (body, pieces())] == [413, 413]
    assert kept.taken == []


async def test_the_body_of_a_caller_without_token_is_not_read() -> None:
    kept = Kept(RouteOptions())
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        for piece in (part("picture", b"a", "a"), END):
            read += 1
            yield piece

    assert (await kept.ask("upload", pieces())).status_code == 401
    assert read == 0
    assert (await kept.ask("upload", pieces(), MULTIPART | {"authorization": GOOD})).status_code == 204
    assert read == 2


async def test_text_is_bounded_by_the_limit_of_other_bodies_and_files_by_that_of_the_route() -> None:
    kept = Kept(RouteOptions(auth="optional", body_limit=3 * MAX_MEMORY_BYTES))
    large = b"x" * (MAX_MEMORY_BYTES + 1)
    assert (await kept.ask("upload", part("picture", large, "a") + END)).status_code == 204
    assert kept.taken[0][3] == len(large)
    assert errors(await kept.ask("upload", part("title", b"x" * (LIMIT + 1)) + part("picture", b"a", "a") + END)) == [
        ("/body/title", "too_long")
    ]
    assert (await kept.ask("upload", part("picture", large * 3, "a") + END)).status_code == 413
    assert len(kept.taken) == 1


async def test_a_form_and_a_dependency_meet_in_one_function() -> None:
    router = Router()

    class Answer(BaseModel):
        text: str

    async def prefix(lang: str = "en") -> str:
        return f"{lang}:"

    @router.post("/greet", RouteOptions(auth="optional"), response_model=Answer)
    async def greet(prefix: Annotated[str, Depends(prefix)], name: Annotated[str, Form()]) -> dict[str, str]:
        return {"text": prefix + name}

    async with shell(router).client() as client:
        answer = await client.post("/api/v1/greet?lang=pt", content="name=Ana", headers=URLENCODED)
    assert answer.json() == {"text": "pt:Ana"}


def test_the_document_describes_a_form_with_files() -> None:
    kept = Kept()
    install(kept.harness.app, {1: kept.harness.routers}, version="1", schemes=kept.harness.schemes.all)
    document = kept.harness.app.openapi()
    operation = document["paths"]["/api/v1/upload"]["post"]
    assert operation["requestBody"] == {
        "required": True,
        "content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/UploadForm"}}},
    }
    schema = document["components"]["schemas"]["UploadForm"]
    assert schema["required"] == ["picture"]
    assert {name: {key: one[key] for key in one if key != "title"} for name, one in schema["properties"].items()} == {
        "picture": {"type": "string", "format": "binary"},
        "title": {"type": "string", "maxLength": 30, "default": "none"},
    }
    assert {"413", "415", "422"} <= set(operation["responses"])
    assert document["components"]["schemas"]["ManyForm"]["properties"]["pictures"]["items"] == {"type": "string", "format": "binary"}


async def test_the_example_of_the_documentation_works() -> None:
    (block,) = blocks("python", "docs/routes.md")
    stored: dict[UUID, tuple[str, bytes]] = {}
    names: dict[str, Any] = {"Picture": Picture, "STORED": stored}
    exec(compile(block.text, block.file, "exec"), names)
    url, id = "/api/v1/tickets/01900000-0000-7000-8000-000000000001/picture", UUID("01900000-0000-7000-8000-000000000001")
    async with shell(names["router"]).client() as client:
        shown = await client.get(f"{url}?width=400", headers={"X-Density": "2", "cookie": "theme=dark"})
        refused = await client.get(f"{url}?width=100", headers={"X-Density": "x"})
        sent = await client.post(url, content=part("picture", b"\x89", "a.png") + part("title", b"Chair") + END, headers=MULTIPART)
    assert shown.json() == {"ticket": str(id), "pixels": 800, "theme": "dark"}
    assert sorted(errors(refused)) == [("/header/x-density", "float_parsing"), ("/query/width", "greater_than_equal")]
    assert (sent.status_code, stored) == (204, {id: ("Chair", b"\x89")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    ticket: UUID
    pixels: int
    theme: str
