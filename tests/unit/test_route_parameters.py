"""Each kind of single value that a Router takes, declared as for FastAPI: sent, not sent, by its default, of a wrong type, twice, and as bytes that are no text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote_from_bytes
from uuid import UUID

import httpx2
import pytest
from fastapi import Cookie, Form, Header, Query

from api_base.interface.listing import MAX_QUERY_LENGTH, PARAMETERS
from api_base.interface.openapi.document import install
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.form import MAX_FIELDS
from api_base.interface.routes.values import MAX_HEADER_BYTES
from tests.http_harness import shell

ID: Final = UUID("01900000-0000-7000-8000-000000000001")


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type with a text of it, its value, a wrong text, and the code of its violation."""

    type: Any
    sent: str
    value: Any
    wrong: str
    code: str


KINDS: Final[Mapping[str, Kind]] = {
    "int": Kind(int, "7", 7, "seven", "int_parsing"),
    "bound": Kind(int, "1", 1, "0", "greater_than_equal"),
    "text": Kind(str, "Zoë", "Zoë", "x" * 21, "string_too_long"),
    "bool": Kind(bool, "true", True, "perhaps", "bool_parsing"),
    "float": Kind(float, "1.5", 1.5, "a", "float_parsing"),
    "decimal": Kind(Decimal, "12.50", Decimal("12.50"), "a", "decimal_parsing"),
    "uuid": Kind(UUID, str(ID), ID, "a", "uuid_parsing"),
    "time": Kind(datetime, "2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC), "noon", "datetime_from_date_parsing"),
    "enum": Kind(Colour, "blue", Colour.BLUE, "green", "enum"),
    "literal": Kind(Literal["a", "b"], "a", "a", "c", "literal_error"),
    "optional": Kind(int | None, "7", 7, "seven", "int_parsing"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """`declare` makes the annotation, `send` the arguments of a request with these values of `x`, as bytes."""

    name: str
    declare: Callable[..., Any]
    send: Callable[[Sequence[bytes]], dict[str, Any]]


def _multipart(values: Sequence[bytes], name: str = "x") -> dict[str, Any]:
    parts = b"".join(b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value) for value in values)
    return {"content": parts + b"--b--\r\n", "headers": {"content-type": "multipart/form-data; boundary=b"}}


def _encoded(values: Sequence[bytes]) -> str:
    return "&".join(f"x={quote_from_bytes(value, safe='')}" for value in values)


PLACES: Final = {
    "query": Place("query", Query, lambda values: {"url": f"/api/v1/x?{_encoded(values)}"}),
    "header": Place("header", Header, lambda values: {"headers": [(b"x", value) for value in values]}),
    "cookie": Place("cookie", Cookie, lambda values: {"headers": [(b"cookie", b"; ".join(b"x=" + value for value in values))]}),
    "form": Place(
        "body",
        Form,
        lambda values: {"content": _encoded(values), "headers": {"content-type": "application/x-www-form-urlencoded"}},
    ),
    "multipart": Place("body", Form, _multipart),
}


class Route:
    """A route whose function takes `x`, and keeps what it took."""

    def __init__(self, place: Place, hint: Any, default: Any = ..., **mark: Any) -> None:
        self.taken: list[Any] = []

        async def take_x(x: Any = default) -> None:
            self.taken.append(x)

        take_x.__annotations__ = {"x": Annotated[hint, place.declare(**mark)], "return": None}
        if default is ...:
            take_x.__defaults__ = None
        router = Router()
        router.post("/x", RouteOptions(auth="optional"), status_code=204)(take_x)
        self.harness = shell(router)

    async def ask(self, **request: Any) -> httpx2.Response:
        async with self.harness.client() as client:
            return await client.request("POST", request.pop("url", "/api/v1/x"), **request)


def errors(answer: httpx2.Response) -> list[tuple[str, str]]:
    """The pointers and codes of a 422."""
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return [(one["pointer"], one["code"]) for one in answer.json()["errors"]]


EVERY: Final = [pytest.param(place, kind, id=f"{place}-{kind}") for place in PLACES for kind in KINDS]


def marks(kind: str) -> dict[str, Any]:
    return {"bound": {"ge": 1}, "text": {"max_length": 20}}.get(kind, {})


@pytest.mark.parametrize(("place", "kind"), EVERY)
async def test_a_value_arrives_in_its_type(place: str, kind: str) -> None:
    one = KINDS[kind]
    route = Route(PLACES[place], one.type, **marks(kind))
    answer = await route.ask(**PLACES[place].send([one.sent.encode()]))
    assert (answer.status_code, route.taken) == (204, [one.value])
    assert type(route.taken[0]) is type(one.value)


@pytest.mark.parametrize(("place", "kind"), EVERY)
async def test_a_required_value_is_missing_and_another_has_its_default(place: str, kind: str) -> None:
    one = KINDS[kind]
    required, optional = (Route(PLACES[place], one.type, default, **marks(kind)) for default in (..., one.value))
    assert errors(await required.ask(**PLACES[place].send([]))) == [(f"/{PLACES[place].name}/x", "missing")]
    assert (await optional.ask(**PLACES[place].send([]))).status_code == 204
    assert (required.taken, optional.taken) == ([], [one.value])


@pytest.mark.parametrize(("place", "kind"), EVERY)
async def test_a_value_of_another_type_is_refused_by_its_name(place: str, kind: str) -> None:
    one = KINDS[kind]
    route = Route(PLACES[place], one.type, **marks(kind))
    assert errors(await route.ask(**PLACES[place].send([one.wrong.encode()]))) == [(f"/{PLACES[place].name}/x", one.code)]
    assert route.taken == []


@pytest.mark.parametrize(("place", "kind"), EVERY)
async def test_a_value_that_is_sent_twice_is_refused(place: str, kind: str) -> None:
    one = KINDS[kind]
    route = Route(PLACES[place], one.type, one.value, **marks(kind))
    assert errors(await route.ask(**PLACES[place].send([one.sent.encode()] * 2))) == [(f"/{PLACES[place].name}/x", "repeated")]


@pytest.mark.parametrize("place", PLACES)
async def test_bytes_that_are_no_text_are_refused(place: str) -> None:
    route = Route(PLACES[place], str)
    found = [errors(await route.ask(**PLACES[place].send([value]))) for value in (b"\xff", b"a\xc3")]
    assert found == [[(f"/{PLACES[place].name}/x", "encoding")]] * 2
    assert errors(await route.ask(**PLACES[place].send([b"a\0b"]))) == [(f"/{PLACES[place].name}/x", "nul")]


@pytest.mark.parametrize("place", ["query", "form", "multipart"])
async def test_a_list_takes_each_value_and_names_the_wrong_one(place: str) -> None:
    route = Route(PLACES[place], list[int], [0])
    for values in ((), (b"1",), (b"1", b"2")):
        assert (await route.ask(**PLACES[place].send(values))).status_code == 204
    assert route.taken == [[0], [1], [1, 2]]
    assert errors(await route.ask(**PLACES[place].send([b"1", b"x", b"y"]))) == [
        (f"/{PLACES[place].name}/x/1", "int_parsing"),
        (f"/{PLACES[place].name}/x/2", "int_parsing"),
    ]


async def test_a_default_that_is_a_list_is_not_shared() -> None:
    route = Route(PLACES["query"], list[int], [])
    await route.ask()
    route.taken[0].append(1)
    await route.ask()
    assert route.taken[1] == []


@pytest.mark.parametrize("place", ["header", "cookie"])
async def test_a_long_header_is_refused(place: str) -> None:
    route = Route(PLACES[place], str)
    assert (await route.ask(**PLACES[place].send([b"a" * MAX_HEADER_BYTES]))).status_code == 204
    assert errors(await route.ask(**PLACES[place].send([b"a" * (MAX_HEADER_BYTES + 1)]))) == [(f"/{place}/x", "too_long")]


async def test_a_long_query_and_one_of_many_parameters_are_refused() -> None:
    route = Route(PLACES["query"], list[str])
    assert errors(await route.ask(url=f"/api/v1/x?x={'a' * MAX_QUERY_LENGTH}")) == [("/query", "too_long")]
    assert (await route.ask(url=f"/api/v1/x?{'&'.join(['x=a'] * PARAMETERS)}")).status_code == 204
    assert errors(await route.ask(url=f"/api/v1/x?{'&'.join(['x=a'] * (PARAMETERS + 1))}")) == [("/query", "too_many")]


@pytest.mark.parametrize("place", ["form", "multipart"])
async def test_a_form_of_many_fields_is_refused(place: str) -> None:
    route = Route(PLACES[place], list[str])
    assert (await route.ask(**PLACES[place].send([b"a"] * MAX_FIELDS))).status_code == 204
    assert errors(await route.ask(**PLACES[place].send([b"a"] * (MAX_FIELDS + 1)))) == [("/body", "too_many")]


async def test_what_is_not_declared_is_refused_in_the_query_and_the_form_and_ignored_elsewhere() -> None:
    query, form, header, cookie = (Route(PLACES[place], str, "") for place in ("query", "form", "header", "cookie"))
    assert errors(await query.ask(url="/api/v1/x?y=1&x=2")) == [("/query/y", "unknown_parameter")]
    assert errors(await form.ask(content="y=1", headers={"content-type": "application/x-www-form-urlencoded"})) == [
        ("/body/y", "extra_forbidden")
    ]
    assert errors(await form.ask(**_multipart([b"1"], "y"))) == [("/body/y", "extra_forbidden")]
    assert errors(await header.ask(url="/api/v1/x?x=1")) == [("/query/x", "unknown_parameter")]
    assert (await cookie.ask(headers={"cookie": "other=1; x=2", "y": "1"})).status_code == 204


async def test_all_that_is_wrong_is_reported_together() -> None:
    router = Router()

    @router.get("/x", RouteOptions(auth="optional"), status_code=204)
    async def take(
        a: int, b: Annotated[int, Query(alias="the-b", le=3)], c: Annotated[int, Header()], d: Annotated[int, Cookie()]
    ) -> None: ...

    async with shell(router).client() as client:
        answer = await client.get("/api/v1/x?the-b=4&e=1", headers={"c": "x"})
    assert sorted(errors(answer)) == [
        ("/cookie/d", "missing"),
        ("/header/c", "int_parsing"),
        ("/query/a", "missing"),
        ("/query/e", "unknown_parameter"),
        ("/query/the-b", "less_than_equal"),
    ]
    allowed = next(one["message"] for one in answer.json()["errors"] if one["pointer"] == "/query/e")
    assert allowed == "is not known here; allowed are a, the-b"


async def test_a_header_has_hyphens_for_underscores_and_a_value_of_a_cookie_may_be_quoted() -> None:
    taken: list[str] = []
    router = Router()

    @router.get("/x", RouteOptions(auth="optional"), status_code=204)
    async def take(x_trace_id: Annotated[str, Header()], flavour: Annotated[str, Cookie()]) -> None:
        taken.extend([x_trace_id, flavour])

    async with shell(router).client() as client:
        await client.get("/api/v1/x", headers={"X-Trace-ID": "1", "cookie": 'a=b;flavour="oat"'})
    assert taken == ["1", "oat"]


async def test_an_empty_field_of_a_form_is_one_that_was_not_filled_in() -> None:
    required, optional = Route(PLACES["form"], int), Route(PLACES["form"], int | None, None)
    assert errors(await required.ask(**PLACES["form"].send([b""]))) == [("/body/x", "missing")]
    assert (await optional.ask(**PLACES["form"].send([b""]))).status_code == 204
    assert optional.taken == [None]


async def test_sparse_fields_and_a_value_share_the_query() -> None:
    router = Router()

    @router.get("/x", RouteOptions(auth="optional", sparse=True))
    async def take(limit: int) -> "Counted":
        return Counted(limit=limit, twice=2 * limit)

    async with shell(router).client() as client:
        assert (await client.get("/api/v1/x?limit=2&fields=twice")).json() == {"twice": 4}
        assert errors(await client.get("/api/v1/x?limit=2&other=1")) == [("/query/other", "unknown_parameter")]


@dataclass(frozen=True, slots=True)
class Counted:
    limit: int
    twice: int


@pytest.mark.parametrize("place", PLACES)
def test_the_document_describes_the_value(place: str) -> None:
    route = Route(PLACES[place], int, 3, ge=1, description="How many.")
    install(route.harness.app, {1: route.harness.routers}, version="1", schemes=route.harness.schemes.all)
    document = route.harness.app.openapi()
    operation = document["paths"]["/api/v1/x"]["post"]
    if PLACES[place].name == "body":
        (schema,) = (one["schema"] for one in operation["requestBody"]["content"].values())
        described = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]["x"]
        assert list(operation["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]
    else:
        (parameter,) = (one for one in operation["parameters"] if one["name"] == "x")
        described = {**parameter["schema"], "description": parameter["description"]}
        assert (parameter["in"], parameter["required"]) == (place, False)
    assert {name: described[name] for name in ("type", "minimum", "default", "description")} == {
        "type": "integer", "minimum": 1, "default": 3, "description": "How many.",
    }  # fmt: skip
