"""GET /api/v1/events/stream and POST /api/v1/events/session over the whole application: who is refused, and what the cookie is worth."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAM, SESSION = "/api/v1/events/stream", "/api/v1/events/session"
TRUSTED = "https://app.example.com"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated, server={"cors_origins": [TRUSTED]})) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def ana(api: Running) -> Person:
    return await api.person()


async def cookie_of(api: Running, person: Person) -> str:
    answer = await api.client.post(SESSION, headers=person.headers)
    assert answer.status_code == 204, answer.text
    return answer.headers["set-cookie"].partition(";")[0]


async def opened(api: Running, headers: Mapping[str, str]) -> httpx2.Response:
    """HEAD decides as GET does, and its response has an end."""
    return await api.client.head(STREAM + "?channels=tenant", headers=dict(headers))


async def test_it_needs_a_token_or_the_cookie(api: Running, ana: Person) -> None:
    refused = await api.client.get(STREAM + "?channels=tenant")
    assert (refused.status_code, refused.json()["type"]) == (401, "/problems/unauthenticated")
    assert refused.headers["www-authenticate"] == 'Bearer realm="api"'
    for headers in (ana.headers, {"Cookie": await cookie_of(api, ana)}):
        answer = await opened(api, headers)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["cache-control"] == "no-store"
    assert api.app.state.realtime.sessions == 0, "HEAD opens none"


@pytest.mark.parametrize("cookie", ["", "x", "a.b", "\u00e9" * 5, "x" * 4000])
async def test_a_forged_cookie_is_refused(api: Running, cookie: str) -> None:
    headers = {"Cookie": f"api_base_events={cookie}".encode("latin-1")}
    assert (await api.client.head(STREAM + "?channels=tenant", headers=headers)).status_code == 401


async def test_the_cookie_is_for_the_stream_only(api: Running, ana: Person) -> None:
    answer = await api.client.post(SESSION, headers=ana.headers)
    attributes = answer.headers["set-cookie"].split("; ")[1:]
    assert attributes == [f"Path={STREAM}", "HttpOnly", "SameSite=Strict"]
    for path in ("/api/v1/items", "/api/v1/auth/me"):
        assert (await api.client.get(path, headers={"Cookie": await cookie_of(api, ana)})).status_code == 401
    assert (await api.client.post(SESSION, headers={"Cookie": await cookie_of(api, ana)})).status_code == 401


async def test_the_cookie_ends_with_its_session(api: Running, ana: Person) -> None:
    cookie = {"Cookie": await cookie_of(api, ana)}
    assert (await api.client.post("/api/v1/auth/logout", json={}, headers=ana.headers)).status_code == 204
    async with asyncio.timeout(5):  # the notification of the log-out takes a moment
        while (answer := await opened(api, cookie)).status_code == 200:
            await asyncio.sleep(0.05)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"Origin": "https://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": TRUSTED, "Sec-Fetch-Site": "cross-site"}, 200),
        ({"Origin": "http://api.test"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_a_page_of_another_origin_does_not_use_the_cookie(api: Running, ana: Person, sent: Mapping[str, str], status: int) -> None:
    assert (await opened(api, {"Cookie": await cookie_of(api, ana), **sent})).status_code == status


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("", "/query/channels"),
        ("?channels=", "/query/channels"),
        ("?channels=tenant,tenant", "/query/channels"),
        ("?channels=tenant&channels=user", "/query/channels"),
        ("?channels=tenant&no/such=1", "/query/no~1such"),
        ("?channels=" + ",".join(f"items/{uuid4()}" for _ in range(51)), "/query/channels"),
        ("?channels=%ff", "/query"),
        ("?" + "channels=tenant&" * 11, "/query"),
        ("?channels=Tenant", "/query/channels"),
        ("?channels=items/1", "/query/channels"),
    ],
)
async def test_a_query_that_is_wrong_is_named(api: Running, ana: Person, query: str, pointer: str) -> None:
    answer = await api.client.get(STREAM + query, headers=ana.headers)
    assert answer.status_code == 422, answer.text
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("last", ["x", "tenant=", "tenant=A:1", "tenant=a:1,tenant=a:1", "tenant=a:99999999999999999999", "a" * 9000])
async def test_a_last_event_id_that_was_never_sent_is_refused(api: Running, ana: Person, last: str) -> None:
    answer = await api.client.get(STREAM + "?channels=tenant", headers={**ana.headers, "Last-Event-ID": last})
    assert answer.status_code == 422, answer.text
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/header/Last-Event-ID"]


async def test_a_channel_that_is_not_the_callers_is_a_problem_before_the_stream_begins(api: Running, ana: Person) -> None:
    stranger = await api.person()
    item = (await api.item(stranger))["id"]
    for id in (item, str(uuid4())):
        answer = await api.client.get(f"{STREAM}?channels=tenant,items/{id}", headers=ana.headers)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert api.app.state.realtime.sessions == 0


async def test_a_user_opens_a_bounded_number(api: Running, ana: Person) -> None:
    hub = api.app.state.realtime
    hub._of_user[ana.id] = hub.limits.sessions_per_user
    answer = await api.client.get(STREAM + "?channels=tenant", headers=ana.headers)
    del hub._of_user[ana.id]
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "6"), "rounded up"
