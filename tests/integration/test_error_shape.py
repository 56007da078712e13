"""The shape of errors below the prefix of a context: each refusal of the stack and of the routes has it, and none elsewhere."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
import pytest_asyncio

from api_base.application.common.cqrs import Bus
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.protocols import Limit
from api_base.infrastructure.db.embedded import Urls
from api_base.interface.errors.problem import ProblemDocument
from api_base.interface.errors.shape import ProblemShape
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.v1.bodies import Body
from tests.application import Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")
MEDIA_TYPE: Final = "application/vnd.desk.error+json"
SCHEMA: Final = {"type": "object", "required": ["error"], "properties": {"error": {"type": "object"}}}
OPEN: Final = RouteOptions(auth="optional")
ONE: Final = RouteOptions(auth="optional", limits=(Limit(name="one-greeting", quota=1, window=3600, burst=1),))


@dataclass(frozen=True, slots=True, kw_only=True)
class GreetingDTO:
    text: str


class GreetingBody(Body):
    text: str


def converted(problem: ProblemDocument) -> object:
    if problem["detail"] == "fail":
        raise RuntimeError("the conversion fails")
    return {
        "error": {
            "code": problem["type"].rpartition("/")[2].rpartition("#")[2],
            "fields": [one["pointer"] for one in problem.get("errors", ())],
            "request": problem["request_id"],
        }
    }


def routes(bus: Bus) -> Router:
    del bus
    router = Router(prefix="/greetings", tags=["desk"])

    @router.post("", OPEN, summary="Greet")
    async def greet(body: GreetingBody) -> GreetingDTO:
        return GreetingDTO(text=body.text)

    @router.get("/mine", summary="Greet me")
    async def greet_me() -> GreetingDTO:
        return GreetingDTO(text="you")

    @router.get("/broken", OPEN, summary="Break")
    async def break_greeting() -> GreetingDTO:
        raise RuntimeError("on purpose")

    @router.get("/rare", ONE, summary="Greet once")
    async def greet_once() -> GreetingDTO:
        return GreetingDTO(text="once")

    return router


DESK: Final = Context(name="desk", prefix="/desk/v3", routes=routes, problem=ProblemShape(converted, MEDIA_TYPE, SCHEMA))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated), [*BUILT_IN, DESK]) as opened:
        yield opened


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "code", "fields"),
    [
        ("GET", "/desk/v3/nothing", {}, 404, "route-not-found", []),
        ("GET", "/desk/v3", {}, 404, "route-not-found", []),
        ("PUT", "/desk/v3/greetings", {}, 405, "method-not-allowed", []),
        ("GET", "/desk/v3/greetings/mine", {}, 401, "unauthenticated", []),
        ("GET", "/desk/v3/greetings/mine", {"headers": {"Authorization": "Bearer forged"}}, 401, "unauthenticated", []),
        ("POST", "/desk/v3/greetings", {"json": {"txt": "x"}}, 422, "validation", ["/body/text", "/body/txt"]),
        ("POST", "/desk/v3/greetings", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "malformed-body", []),
        ("POST", "/desk/v3/greetings", {"content": b"x"}, 415, "unsupported-media-type", []),
        ("POST", "/desk/v3/greetings", {"json": {"text": "x" * 2_000_000}}, 413, "body-too-large", []),
        ("GET", "/desk/v3/greetings/broken", {}, 500, "internal", []),
    ],
)
async def test_each_refusal_below_the_prefix_has_the_shape(
    api: Running, method: str, path: str, sent: dict[str, Any], status: int, code: str, fields: list[str]
) -> None:
    answer = await api.client.request(method, path, **sent)
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE)
    assert answer.json() == {"error": {"code": code, "fields": fields, "request": answer.headers["x-request-id"]}}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_limit_below_the_prefix_has_the_shape_and_its_headers(api: Running) -> None:
    assert (await api.client.get("/desk/v3/greetings/rare")).status_code == 200
    answer = await api.client.get("/desk/v3/greetings/rare")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "quota-exceeded")
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["ratelimit"].startswith('"one-greeting";r=0')


async def test_the_limits_by_address_have_the_shape(shared_migrated: Urls) -> None:
    limits = {"requests": 1, "burst": 1}
    async with running(settings_on(shared_migrated, rate_limit=limits), [*BUILT_IN, DESK]) as api:
        first, second = [await api.client.get("/desk/v3/nothing") for _ in range(2)]
        assert (first.status_code, second.status_code) == (404, 429)
        assert second.json()["error"]["code"] == "quota-exceeded"
        other = await api.client.get("/api/v1/nothing")
        assert (other.status_code, other.headers["content-type"]) == (429, "application/problem+json")


async def test_success_and_other_prefixes_stay_as_they_are(api: Running) -> None:
    made = await api.client.post("/desk/v3/greetings", json={"text": "hello"})
    assert (made.status_code, made.json()) == (200, {"text": "hello"})
    for path in ("/api/v1/nothing", "/desk/v30/nothing", "/desk", "/nothing"):
        answer = await api.client.get(path)
        assert (answer.status_code, answer.headers["content-type"], answer.json()["type"]) == (
            404, "application/problem+json", "/problems/route-not-found",
        )  # fmt: skip


async def test_head_has_the_headers_of_the_shape_only(api: Running) -> None:
    answer = await api.client.head("/desk/v3/nothing")
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (404, MEDIA_TYPE, b"")
    assert int(answer.headers["content-length"]) > 0


async def test_a_conversion_that_fails_hides_no_error() -> None:
    media_type, body = DESK.problem.encoded(ProblemDocument({"type": "/problems/internal", "detail": "fail"}))  # type: ignore[union-attr]
    assert (media_type, body) == (b"application/problem+json", b'{"type":"/problems/internal","detail":"fail"}')


async def test_the_document_describes_the_shape(api: Running) -> None:
    paths = api.app.openapi()["paths"]
    answers = paths["/desk/v3/greetings"]["post"]["responses"]
    errors = {status: answer for status, answer in answers.items() if int(status) >= 400}
    assert {"401", "422", "429", "500"} <= set(errors)
    assert all(answer["content"] == {MEDIA_TYPE: {"schema": SCHEMA}} for answer in errors.values())
    assert "retry-after" in {name.lower() for name in errors["429"]["headers"]}
    assert answers["200"]["content"].keys() == {"application/json"}
    assert paths["/api/v2/items"]["get"]["responses"]["422"] == {"$ref": "#/components/responses/Unacceptable"}
