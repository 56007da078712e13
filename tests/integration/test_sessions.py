"""Users see their sessions and end them, one by one; none lives longer than it may."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import time_machine

from api_base.infrastructure.db.embedded import Urls
from tests.application import PASSWORD, Person, Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")
SESSIONS, ME = "/api/v1/auth/sessions", "/api/v1/auth/me"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    lifetimes = {"refresh_token_seconds": 7200, "session_seconds": 10_000, "access_token_seconds": 3600}
    async with running(settings_on(shared_migrated, security=lifetimes)) as opened:
        yield opened


async def logged_in(api: Running, person: Person, user_agent: str, address: str) -> dict[str, Any]:
    """The tokens of a new session."""
    body = {"email": person.email, "password": PASSWORD}
    answer = await api.client_at(address).post("/api/v1/auth/login", json=body, headers={"User-Agent": user_agent})
    assert answer.status_code == 200
    tokens: dict[str, Any] = answer.json()
    return tokens


async def refreshed(api: Running, tokens: dict[str, Any]) -> httpx2.Response:
    return await api.client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_a_user_sees_the_open_sessions_and_ends_one(api: Running) -> None:
    person = await api.person(password_hash=await api.services.container.password_hasher.hash(PASSWORD))
    stranger = await api.person()
    phone = await logged_in(api, person, "Phone/1.0 " + "x" * 500, "203.0.113.7")
    laptop = bearer(await logged_in(api, person, "Laptop/2.0", "198.51.100.9"))
    listed = (await api.client.get(SESSIONS, headers=laptop)).json()["items"]
    assert [(one["user_agent"][:9], one["address"], one["current"]) for one in listed] == [
        ("Laptop/2.", "198.51.100.9", True),
        ("Phone/1.0", "203.0.113.7", False),
        ("", "", False),
    ]
    ids = [one["id"] for one in listed]
    for id in ids:
        assert (await api.client.delete(f"{SESSIONS}/{id}", headers=stranger.headers)).status_code == 404
    assert (await api.client.delete(f"{SESSIONS}/{ids[1]}", headers=laptop)).status_code == 204
    assert (await api.client.delete(f"{SESSIONS}/{ids[1]}", headers=laptop)).status_code == 404
    assert [one["id"] for one in (await api.client.get(SESSIONS, headers=laptop)).json()["items"]] == [ids[0], ids[2]]
    assert (await refreshed(api, phone)).status_code == 401
    assert (await api.client.get(ME, headers=laptop)).status_code == 200
    assert (await api.client.get(SESSIONS, headers=stranger.headers)).json()["items"][0]["id"] not in ids


async def test_a_refresh_is_a_use_and_no_session_outlives_its_absolute_end(api: Running) -> None:
    person = await api.person()
    (begun,) = (await api.client.get(SESSIONS, headers=person.headers)).json()["items"]
    created = datetime.fromisoformat(begun["created_at"])
    assert begun["last_used_at"] == begun["created_at"]
    assert datetime.fromisoformat(begun["expires_at"]) == created + timedelta(seconds=7200)
    tokens = {"refresh_token": person.refresh_token}
    with time_machine.travel(created + timedelta(seconds=5000)):
        tokens = (await refreshed(api, tokens)).json()
        (used,) = (await api.client.get(SESSIONS, headers=bearer(tokens))).json()["items"]
        assert datetime.fromisoformat(used["last_used_at"]) >= created + timedelta(seconds=5000)
        assert datetime.fromisoformat(used["expires_at"]) == created + timedelta(seconds=10_000)
    with time_machine.travel(created + timedelta(seconds=8000)):
        tokens = (await refreshed(api, tokens)).json()
        assert (await api.client.get(ME, headers=bearer(tokens))).status_code == 200
    with time_machine.travel(created + timedelta(seconds=10_001)):
        assert (await api.client.get(ME, headers=bearer(tokens))).status_code == 401
        assert (await refreshed(api, tokens)).status_code == 401
