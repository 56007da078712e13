"""The walk: every operation of the OpenAPI document is held to the conventions by sending."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import Running, running, settings_on
from tests.architecture.examples import LEAST, Example, example
from tests.architecture.formats import keeps_formats, validator
from tests.architecture.routes import OLDER_ROUTES, ROUTES, ROUTES_OF_OLDER_VERSIONS, Route
from tests.http_harness import SECURITY
from tests.sentences import portuguese as sentences

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEMBERS = {"type", "title", "status", "detail", "instance", "request_id"}
STALE = '"v99-json1"'
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
KEYLESS = {
    "begin_event_session",
    "begin_upload",
    "call_mcp",
    "complete_upload",
    "confirm_registration",
    "evaluate_flag",
    "continue_upload",
    "evaluate_flags",
    "graphql",
    "issue_event_ticket",
    "issue_mcp_token",
    "issue_ticket",
    "login",
    "refresh",
    "register",
    "register_by_invitation",
    "request_password_reset",
    "reset_password",
    "switch_tenant",
    "token",
    "upload_file",
}
"""What changes something, or reads by POST, and takes no Idempotency-Key, since it is for anybody, issues tokens, streams, may be repeated or changes nothing; docs/idempotency.md lists them."""

ENDING = {"leave_tenant", "logout"}
"""What ends the token that it was sent with: a retry is not let in, as soon as the process has heard of it."""

WITHIN = 1.0
"""Seconds after which a token that was ended is refused everywhere."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated)) as opened:
        yield opened


def walk(which: Callable[[Route], Any] = lambda route: True) -> Any:
    """The test for each route of a kind."""
    found = [route for route in (*ROUTES, *OLDER_ROUTES) if which(route) and not route.of_protocol]
    assert found
    return pytest.mark.parametrize("route", found, ids=lambda route: route.id)


def ours(route: Route) -> bool:
    return route.options is not None


def takes_json(route: Route) -> bool:
    return route.media_type is not None and "json" in route.media_type


async def refused(api: Running, sent: Example, status: int, method: str | None = None) -> dict[str, Any]:
    """Send what must be refused; the problem."""
    answer = await sent.send(api.client, method)
    assert answer.status_code == status, answer.text
    conventional(answer)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    problem: dict[str, Any] = answer.json()
    assert problem.keys() - {"errors"} == MEMBERS
    assert (problem["status"], problem["instance"]) == (status, sent.path)
    assert problem["request_id"] == answer.headers["x-request-id"]
    page = await api.client.get(problem["type"])
    assert page.status_code == 200
    assert page.text.startswith(f"# {problem['title']}\n")
    if method is None:
        assert str(status) in sent.route.operation["responses"], "the document does not say so"
    told = await sent.adding({"Accept-Language": "pt-BR, en;q=0.5"}).send(api.client, method)
    assert (told.status_code, told.headers["content-language"]) == (status, "pt")
    same_in_portuguese(problem, told.json())
    return problem


def same_in_portuguese(english: dict[str, Any], portuguese: dict[str, Any]) -> None:
    """Require that what people read is another text, and what programs read is the same."""
    assert portuguese["title"] == sentences().translated(english["title"])
    assert portuguese["detail"] != english["detail"]
    for one, other in zip(english.get("errors", ()), portuguese.get("errors", ()), strict=True):
        assert other == {**one, "message": sentences().translated(one["message"])}
    assert {**portuguese, "title": "", "detail": "", "request_id": "", "errors": []} == {
        **english, "title": "", "detail": "", "request_id": "", "errors": [],
    }  # fmt: skip


def conventional(answer: httpx2.Response) -> None:
    """What every answer has."""
    assert answer.headers["x-request-id"]
    assert all(value in answer.headers.get_list(name) for name, value in SECURITY.items())
    keeps_formats(answer)
    if not answer.request.url.path.startswith("/health/"):
        assert {"ratelimit", "ratelimit-policy"} <= set(answer.headers)


def documented_headers(route: Route) -> set[str]:
    return {name.lower() for name in route.operation["responses"][str(route.success)].get("headers", {})}


def changes(route: Route) -> bool:
    return route.method in ("POST", "PATCH")


async def test_every_route_with_a_body_or_a_list_declares_an_example() -> None:
    for route in filter(ours, ROUTES):
        assert route.options is not None
        needed = {"query"} if route.listing or route.read else {"body"} if route.media_type else set()
        assert needed <= set(route.options.example), f"{route.name} declares no example of its {' or '.join(needed)}"


@walk()
async def test_the_example_succeeds_as_declared(api: Running, route: Route) -> None:
    sent = await example(api, route)
    answer = await sent.send(api.client)
    assert answer.status_code == route.success, answer.text
    conventional(answer)
    options = route.options
    kept = options is not None and options.query is not None
    assert answer.headers["cache-control"] == ("private, no-cache" if kept else options.cache if options else "no-store")
    assert ("authorization, cookie" in answer.headers.get_list("vary")) == ("cache-status" in answer.headers) == kept
    assert ("etag" in answer.headers) == route.tagged
    if route.success == 204:
        assert answer.content == b""
        return
    if route.downloads:
        assert answer.content
        return
    assert answer.headers["content-type"] == "application/json"
    shown = answer.json()
    described = route.operation["responses"][str(route.success)]["content"]["application/json"]["schema"]
    validator({**described, "components": route.document["components"]}).validate(shown)
    if route.versioned:
        assert answer.headers["etag"] == f'"v{shown["version"]}-{route.representation}"'
    if options is not None and options.location is not None:
        assert answer.headers["location"] == re.sub(r"^\.", f"/api/v{route.version}", options.location.format_map(shown))
    assert documented_headers(route) - {"idempotency-replayed"} <= set(answer.headers)


@walk(lambda route: not route.public)
async def test_without_a_token_it_is_refused(api: Running, route: Route) -> None:
    sent = await example(api, route)
    problem = await refused(api, sent.without("Authorization"), 401)
    assert problem["type"] == "/problems/unauthenticated"
    answer = await sent.without("Authorization").send(api.client)
    assert answer.headers["www-authenticate"] == 'Bearer realm="api"'
    bad = await sent.adding({"Authorization": "Bearer not.a.token"}).send(api.client)
    assert (bad.status_code, bad.headers["www-authenticate"]) == (401, 'Bearer realm="api", error="invalid_token"')


@walk(lambda route: route.arranged_as in LEAST.keys() - {"batch_items"})
async def test_a_weaker_role_is_refused(api: Running, route: Route) -> None:
    sent = await example(api, route)
    assert sent.weaker is not None
    await refused(api, sent.adding(sent.weaker.headers), 403)
    assert (await sent.send(api.client)).status_code == route.success, "the refused request left something behind"


@walk(lambda route: route.tagged and route.method == "GET")
async def test_who_has_the_version_gets_304(api: Running, route: Route) -> None:
    sent = await example(api, route)
    tag = (await sent.send(api.client)).headers["etag"]
    for known in (tag, f"W/{tag}", f'"v0-x", {tag}', "*"):
        answer = await sent.adding({"If-None-Match": known}).send(api.client)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        conventional(answer)
    assert (await sent.adding({"If-None-Match": STALE}).send(api.client)).status_code == 200


@walk(lambda route: route.conditional)
async def test_a_stale_version_is_refused_and_the_true_one_still_taken(api: Running, route: Route) -> None:
    sent = await example(api, route)
    assert (await refused(api, sent.adding({"If-Match": STALE}), 412))["type"] == "/problems/stale-version"
    assert (await sent.send(api.client)).status_code == route.success


@walk(lambda route: route.must_be_conditional)
async def test_a_change_without_its_version_is_refused(api: Running, route: Route) -> None:
    sent = await example(api, route)
    await refused(api, sent.without("If-Match"), 428)
    assert (await sent.adding({"If-Match": "*"}).send(api.client)).status_code == route.success


@walk(lambda route: "406" in route.operation["responses"])
async def test_a_response_that_the_client_excludes_is_refused(api: Running, route: Route) -> None:
    sent = await example(api, route)
    for excluding in ("text/html", "application/json;q=0, text/csv;q=0, application/jsonl;q=0, */*"):
        assert (await refused(api, sent.adding({"Accept": excluding}), 406))["type"] == "/problems/not-acceptable"
    answer = await sent.adding({"Accept": "text/html, */*;q=0.1"}).send(api.client)
    assert answer.status_code == route.success, "the refused request left something behind"


@walk(lambda route: ours(route) and "406" not in route.operation["responses"])
async def test_what_is_no_json_is_for_everybody(api: Running, route: Route) -> None:
    described = route.operation["responses"][str(route.success)].get("content", {})
    assert route.options is not None
    assert "application/json" not in described or route.options.protocol is not None
    answer = await (await example(api, route)).adding({"Accept": "text/html"}).send(api.client)
    assert answer.status_code == route.success


@walk(lambda route: route.read is not None)
async def test_query_answers_as_get_does(api: Running, route: Route) -> None:
    sent = await example(api, route)
    answer = await sent.send(api.client)
    assert route.options is not None
    read = replace(sent, query=route.options.example["query"], content=b"")
    got = await read.without("Content-Type").send(api.client, "GET")
    form = (
        await replace(read, query="", content=read.query.encode())
        .adding({"Content-Type": "application/x-www-form-urlencoded"})
        .send(api.client)
    )
    assert (answer.status_code, got.content, form.content) == (200, answer.content, answer.content)
    assert {one.headers["accept-query"] for one in (answer, got, form)} == {"application/json, application/x-www-form-urlencoded"}


@walk(takes_json)
async def test_an_unknown_field_is_named(api: Running, route: Route) -> None:
    sent = await example(api, route)
    body = {**json.loads(sent.content), "no/such~field": 1}
    problem = await refused(api, replace(sent, content=json.dumps(body).encode()), 422)
    assert [one["pointer"] for one in problem["errors"]] == ["/body/no~1such~0field"]


@walk(ours)
async def test_an_unknown_query_parameter_is_named(api: Running, route: Route) -> None:
    sent = await example(api, route)
    problem = await refused(api, replace(sent, query="no/such=1"), 422)
    assert [one["pointer"] for one in problem["errors"]] == ["/query/no~1such"]


@walk(lambda route: route.media_type and not route.streams)
async def test_another_media_type_is_refused(api: Running, route: Route) -> None:
    sent = await example(api, route)
    for other in ("text/plain", "application/jsonx", ""):
        await refused(api, sent.adding({"Content-Type": other}), 415)
    await refused(api, sent.without("Content-Type"), 415)


@walk(takes_json)
@pytest.mark.parametrize("broken", [b"", b"{", b"[1]x", b'{"a": nope}', b"\xff\xfe{}", b'{"a":' * 40 + b"1" + b"}" * 40])
async def test_what_is_no_json_is_refused(api: Running, route: Route, broken: bytes) -> None:
    sent = await example(api, route)
    assert (await refused(api, replace(sent, content=broken), 400))["type"] == "/problems/malformed-body"


@walk(takes_json)
@pytest.mark.parametrize("other", [b"null", b"[]", b'"text"', b"1", b"true"])
async def test_json_that_is_no_object_is_refused(api: Running, route: Route, other: bytes) -> None:
    sent = await example(api, route)
    assert (await refused(api, replace(sent, content=other), 422))["errors"][0]["pointer"] == "/body"


@walk(lambda route: route.media_type and not route.streams)
async def test_a_body_that_is_too_large_is_refused(api: Running, route: Route) -> None:
    sent = await example(api, route)
    assert route.options is not None
    limit = route.options.body_limit or api.services.settings.server.max_body_bytes
    await refused(api, replace(sent, content=sent.content + b" " * (limit + 1 - len(sent.content))), 413)


async def test_every_change_takes_a_key_but_those_that_are_named() -> None:
    assert {route.name for route in filter(changes, ROUTES) if not route.takes_key} == KEYLESS
    assert not [route.name for route in ROUTES if route.takes_key and not changes(route)]


@walk(lambda route: route.takes_key and route.name not in ENDING)
async def test_sent_again_with_its_key_it_is_answered_as_at_first(api: Running, route: Route) -> None:
    sent = (await example(api, route)).adding(KEY)
    first, again = await sent.send(api.client), await sent.send(api.client)
    assert (first.status_code, again.status_code, again.content) == (route.success, route.success, first.content), again.text
    conventional(again)
    for name in ("content-type", "cache-control", "etag", "location"):
        assert first.headers.get(name) == again.headers.get(name)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert documented_headers(route) <= set(again.headers)
    problem = await refused(api, sent.adding({"If-Match": '"v7-json1"'}), 422)
    assert problem["type"] == "/problems/idempotency-key-reused"


@walk(lambda route: route.name in ENDING)
async def test_what_ends_its_token_takes_a_key_too(api: Running, route: Route) -> None:
    sent = (await example(api, route)).adding(KEY)
    assert (await sent.send(api.client)).status_code == route.success
    async with asyncio.timeout(WITHIN):
        while (again := await sent.send(api.client)).status_code != 401:
            assert (again.status_code, again.headers["idempotency-replayed"]) == (route.success, "true")
    await refused(api, sent, 401)


@walk(lambda route: route.takes_key)
async def test_what_is_no_key_is_refused(api: Running, route: Route) -> None:
    sent = await example(api, route)
    for malformed in ("", "a b", '"a', "x" * 256):
        assert (await refused(api, sent.adding({"Idempotency-Key": malformed}), 400))["type"] == "/problems/bad-request"
    assert (await sent.send(api.client)).status_code == route.success


@walk(lambda route: changes(route) and not route.takes_key)
async def test_a_key_is_refused_where_answers_are_not_kept(api: Running, route: Route) -> None:
    assert (await refused(api, (await example(api, route)).adding(KEY), 400))["type"] == "/problems/bad-request"


@walk(lambda route: ours(route) and not changes(route))
async def test_a_key_means_nothing_where_repeating_is_harmless(api: Running, route: Route) -> None:
    sent = await example(api, route)
    assert (await sent.adding({"Idempotency-Key": "no key, that"}).send(api.client)).status_code == route.success


@walk(ours)
async def test_what_a_route_says_of_its_deprecation_is_documented(api: Running, route: Route) -> None:
    answer = await (await example(api, route)).send(api.client)
    said = {"deprecation", "sunset"} & answer.headers.keys()
    assert (
        said == {"deprecation", "sunset"} & documented_headers(route) == ({"deprecation"} if route.operation.get("deprecated") else set())
    )
    assert ('rel="successor-version"' in answer.headers.get("link", "")) is (route.operation.get("deprecated") is True)
    if route.operation.get("deprecated"):
        assert "link" in documented_headers(route)


@walk()
async def test_a_method_that_the_path_does_not_have_lists_those_it_has(api: Running, route: Route) -> None:
    sent = await example(api, route)
    await refused(api, sent, 405, method="TRACE")
    answer = await sent.send(api.client, "TRACE")
    has = {one.method for one in (*ROUTES, *ROUTES_OF_OLDER_VERSIONS) if one.template == route.template}
    allowed = set(answer.headers["allow"].split(", "))
    assert allowed == has | {"OPTIONS"} | ({"HEAD"} if "GET" in has else set())


@walk()
async def test_options_lists_the_methods_of_the_path(api: Running, route: Route) -> None:
    sent = await example(api, route)
    answer = await sent.without("Authorization").send(api.client, "OPTIONS")
    assert (answer.status_code, answer.content) == (204, b"")
    conventional(answer)
    assert answer.headers["allow"] == (await sent.send(api.client, "TRACE")).headers["allow"]
    assert ("accept-query" in answer.headers) == ("QUERY" in answer.headers["allow"])


@walk(lambda route: route.method == "GET")
async def test_head_is_get_without_its_body(api: Running, route: Route) -> None:
    sent = await example(api, route)
    got, head = await sent.send(api.client), await sent.send(api.client, "HEAD")
    assert head.status_code == got.status_code
    assert set(head.headers) - {"age"} == set(got.headers), "its result came from our cache"
    if ours(route):
        assert head.content == b""
        assert head.headers["content-length"] == got.headers["content-length"]
