"""Every door at which a password is tried is charged, and no stranger closes the owner's."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Final
from urllib.parse import urlencode

import httpx2
import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import PASSWORD, Person, Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")
FAILURES: Final = 3
PHONE: Final = {"User-Agent": "Phone/1.0"}
_addresses = count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated, security={"failed_logins": FAILURES})) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def ana(api: Running) -> Person:
    return await api.person(password_hash=await api.services.container.password_hasher.hash(PASSWORD))


def stranger(api: Running) -> httpx2.AsyncClient:
    """A client of an address and network that nobody has used."""
    return api.client_at(f"2001:{next(_addresses):x}::1")


async def log_in(client: httpx2.AsyncClient, email: str, password: str, headers: dict[str, str] | None = None) -> int:
    return (await client.post("/api/v1/auth/login", json={"email": email, "password": password}, headers=headers)).status_code


async def grant(client: httpx2.AsyncClient, email: str, password: str) -> int:
    form = {"grant_type": "password", "username": email, "password": password}
    return (await client.post("/api/v1/auth/token", data=form)).status_code


async def change(client: httpx2.AsyncClient, person: Person, current: str) -> int:
    body = {"current_password": current, "new_password": f"{PASSWORD} and another"}
    return (await client.post("/api/v1/auth/password", json=body, headers=person.headers)).status_code


@pytest.mark.parametrize("repeated", ["grant_type=password", "username=other%40example.com", "password=other", "scope=a&scope=a"])
async def test_a_parameter_of_a_grant_must_not_be_repeated(api: Running, ana: Person, repeated: str) -> None:
    """RFC 6749, section 3.2."""
    form = urlencode({"grant_type": "password", "username": ana.email, "password": PASSWORD})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await stranger(api).post("/api/v1/auth/token", content=f"{form}&{repeated}", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), answer.text


async def test_strangers_do_not_keep_the_owner_out_of_a_known_device(api: Running, ana: Person) -> None:
    home = stranger(api)
    assert await log_in(home, ana.email, PASSWORD, PHONE) == 200
    assert [await log_in(stranger(api), ana.email, "wrong") for _ in range(12)] == [401] * FAILURES + [429] * (12 - FAILURES)
    assert await log_in(home, ana.email, PASSWORD, PHONE) == 200
    assert await change(home, ana, PASSWORD) == 204


async def test_the_doors_for_strangers_share_one_limit_and_say_how_long_to_wait(api: Running, ana: Person) -> None:
    tries = [await log_in(stranger(api), ana.email, "wrong"), await grant(stranger(api), f" {ana.email.upper()}", "wrong")]
    assert tries == [401, 400]
    assert await log_in(stranger(api), ana.email, "wrong") == 401
    assert await grant(stranger(api), ana.email, PASSWORD) == 429
    answer = await stranger(api).post("/api/v1/auth/login", json={"email": ana.email, "password": PASSWORD})
    assert (answer.status_code, 0 < int(answer.headers["retry-after"]) <= 60) == (429, True)


async def test_an_unknown_address_is_answered_as_a_known_one(api: Running, ana: Person) -> None:
    known, unknown = [[await log_in(stranger(api), email, "wrong") for _ in range(6)] for email in (ana.email, "nobody-at-all@example.com")]
    assert known == unknown


async def test_a_stolen_token_tries_no_passwords_and_closes_no_other_session(api: Running, ana: Person) -> None:
    other = await api.logged_in(ana.id, ana.email, ana.tenant_id)
    thief = stranger(api)
    assert [await change(thief, other, "wrong") for _ in range(6)] == [409] * FAILURES + [429] * 3
    assert await log_in(stranger(api), ana.email, PASSWORD) == 200
    assert await change(stranger(api), ana, PASSWORD) == 204


async def test_attempts_at_the_same_time_are_all_counted(api: Running, ana: Person) -> None:
    answers = await asyncio.gather(*(log_in(stranger(api), ana.email, "wrong") for _ in range(12)))
    assert sorted(answers) == [401] * FAILURES + [429] * (12 - FAILURES)
