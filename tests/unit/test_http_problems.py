"""Every error of every layer is a problem [RFC 9457], of one table."""

import json

import pytest

from api_base.core import errors
from api_base.interface.errors import pages
from api_base.interface.errors.handlers import PROBLEMS, problem_of
from api_base.interface.errors.problem import type_of
from tests.http_harness import THING, shell, things, trouble


@pytest.mark.parametrize(
    ("kind", "status", "problem"),
    [
        ("taken", 409, "conflict"),
        ("rule", 422, "rule-violated"),
        ("forbidden", 403, "forbidden"),
        ("busy", 429, "quota-exceeded"),
        ("down", 503, "unavailable"),
        ("again", 503, "unavailable"),
        ("invalid", 422, "validation"),
        ("bug", 500, "internal"),
        ("misuse", 500, "internal"),
    ],
)
async def test_what_is_raised_becomes_a_problem(kind: str, status: int, problem: str) -> None:
    here = shell(trouble())
    async with here.client() as client:
        answer = await client.get(f"/api/v1/trouble/{kind}", headers={"x-request-id": "r-1"})
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (body["type"], body["status"], body["instance"]) == (type_of(problem), status, f"/api/v1/trouble/{kind}")
    assert body["request_id"] == answer.headers["x-request-id"] == "r-1"
    assert body["title"]
    assert body["detail"]
    assert "secret" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_retry_after_is_never_too_early() -> None:
    here = shell(trouble())
    async with here.client() as client:
        assert (await client.get("/api/v1/trouble/busy")).headers["retry-after"] == "3"
        assert int((await client.get("/api/v1/trouble/down")).headers["retry-after"]) >= 4


async def test_violations_point_into_the_part_of_the_request() -> None:
    here = shell(trouble())
    async with here.client() as client:
        found = (await client.get("/api/v1/trouble/invalid")).json()["errors"]
    assert found == [
        {"pointer": "/body/a~1b", "code": "range", "message": "too small"},
        {"pointer": "/query/x", "code": "unknown", "message": "no such"},
    ]


async def test_every_violation_of_a_body_is_named_at_once() -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.post("/api/v1/things", json={"name": "", "parts": 1, "a/b": 2})
    assert answer.status_code == 422
    assert {one["pointer"] for one in answer.json()["errors"]} == {"/body/name", "/body/parts", "/body/a~1b"}


async def test_a_bad_path_value_is_named() -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.get("/api/v1/things/none")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/path/id")


@pytest.mark.parametrize("path", ["/", "/api/v1/nothing", "/api/v1/things/", f"/api/v1/things/{THING}/", "/api//v1/things"])
async def test_a_path_that_nothing_has(path: str) -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/route-not-found")
    assert here.recorder.last[2] == "<unmatched>"


async def test_a_method_that_the_path_does_not_have_lists_those_it_has() -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.put(f"/api/v1/things/{THING}", json={})
    assert (answer.status_code, answer.json()["type"]) == (405, "/problems/method-not-allowed")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
    assert here.recorder.last[2] == "/api/v1/things/{id}"


async def test_an_anonymous_request_where_somebody_is_needed_is_challenged() -> None:
    here = shell(trouble())
    async with here.client() as client:
        answer = await client.get("/api/v1/trouble")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="api"')


def test_a_contexts_own_error_needs_no_line_in_the_table() -> None:
    class Grounded(errors.Forbidden):
        pass

    problem = problem_of(Grounded("not today"))
    assert problem is not None
    assert (problem.kind, problem.detail) == ("forbidden", "not today")


def test_accidents_are_no_problems() -> None:
    assert problem_of(KeyError("x")) is None
    assert problem_of(errors.ProgrammingError("x")) is None


def test_each_kind_is_explained() -> None:
    assert pages.KINDS.keys() == pages.EXPLANATIONS.keys()


def test_kinds_of_one_name_agree() -> None:
    by_name: dict[str, set[tuple[str, int]]] = {}
    for kind in PROBLEMS.values():
        by_name.setdefault(kind.name, set()).add((kind.title, kind.status))
    assert all(len(found) == 1 for found in by_name.values()), by_name


async def test_the_type_of_a_problem_resolves_to_its_page() -> None:
    here = shell(trouble())
    here.app.include_router(pages.routes())
    async with here.client() as client:
        problem = (await client.get("/api/v1/trouble/taken")).json()
        page = await client.get(problem["type"])
        unknown = await client.get("/problems/unheard-of")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert problem["title"] in page.text
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/route-not-found")


async def test_routes_of_plain_fastapi_routers_answer_with_problems_too() -> None:
    from fastapi import APIRouter, HTTPException

    plain = APIRouter()

    @plain.get("/plain/{number}")
    async def read(number: int) -> int:
        if number == 0:
            raise HTTPException(418, "teapot")
        return number

    here = shell(plain)
    async with here.client() as client:
        wrong = await client.get("/api/v1/plain/x")
        method = await client.delete("/api/v1/plain/1")
        teapot = await client.get("/api/v1/plain/0")
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/path/number")
    assert (method.status_code, method.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert teapot.json()["status"] == teapot.status_code == 418
    assert json.loads(teapot.text)["detail"] == "teapot"
    assert here.recorder.last[2] == "/api/v1/plain/{number}"


async def test_the_instance_is_a_uri_reference_whatever_the_path_was() -> None:
    async with shell().client() as client:
        answer = await client.get("/a%20%22%C3%A9%F4%83%B2%AF%25/:@b")
    assert answer.json()["instance"] == "/a%20%22%C3%A9%F4%83%B2%AF%25/:@b"
