"""Nothing tells whether an address is known: not the answer, byte for byte, nor what is read and written before it is out.

And what is good once is used once, on the real database, however many use it at the same time.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import PASSWORD, Person, Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")
_addresses = count(1)

type Told = tuple[int, list[tuple[bytes, bytes]], bytes]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    """Where addresses must be proved."""
    async with running(settings_on(shared_migrated, auth={"registration": "verified"})) as opened:
        yield opened


class Account:
    """How many rows each table holds."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def rows(self) -> dict[str, int]:
        tables = await self._connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        return {name: await self._connection.fetchval(f"select count(*) from {name}") for (name,) in tables}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def account(shared_migrated: Urls) -> AsyncIterator[Account]:
    connection = await asyncpg.connect(shared_migrated.owner)
    yield Account(connection)
    await connection.close()


COUNTED = re.compile(rb"(?<=\");r=\d+;t=\d+$|;pk=:[^:]*:")
"""What is left of a limit, and the hash of the address or tenant: every request counts, and each has its own address."""


async def told(api: Running, path: str, body: dict[str, Any], person: Person | None) -> Told:
    """What comes back to a client of its own address, with the e-mail address replaced, and ids and times left out."""
    client = api.client_at(f"2001:db8::{next(_addresses):x}")
    headers = {"X-Request-ID": "the-same"} | ({} if person is None else person.headers)
    answer = await client.post(path, json=body, headers=headers)
    shown = answer.json() if answer.content else None
    if isinstance(shown, dict):
        shown = {name: value for name, value in shown.items() if name not in ("id", "created_at", "expires_at")}
    content = str(shown).replace(body["email"], "the-address").encode()
    return (
        answer.status_code,
        [(name, COUNTED.sub(b"", value)) for name, value in answer.headers.raw if name not in (b"traceparent", b"content-length")],
        content,
    )


async def asked(api: Running, account: Account, path: str, body: dict[str, Any], person: Person | None) -> tuple[Told, dict[str, int]]:
    before = await account.rows()
    answer = await told(api, path, body, person)
    after = await account.rows()
    return answer, {name: after[name] - before[name] for name in after if after[name] != before[name]}


@pytest.mark.parametrize("what", ["register", "password/forgotten", "login", "invite"])
async def test_a_known_address_is_answered_and_worked_on_as_an_unknown_one(api: Running, account: Account, what: str) -> None:
    owner, known = await api.person(), await api.person()
    path = f"/api/v1/tenants/{owner.tenant_id}/invitations" if what == "invite" else f"/api/v1/auth/{what}"
    rest: dict[str, dict[str, Any]] = {
        "register": {"name": "Ana"},
        "login": {"password": PASSWORD},
        "invite": {"role": "member"},
    }
    person = owner if what == "invite" else None
    unknown = f"new-{known.email}".replace("new-person", "xerson")
    to_known = await asked(api, account, path, {"email": known.email, **rest.get(what, {})}, person)
    to_unknown = await asked(api, account, path, {"email": unknown, **rest.get(what, {})}, person)
    if what == "login":  # a failure is counted once the answer is out, and only there where there is somebody
        to_known, to_unknown = (to_known[0], {}), (to_unknown[0], {})
    assert to_known == to_unknown
    expected = {"register": 201, "password/forgotten": 204, "login": 401, "invite": 201}
    assert to_known[0][0] == expected[what]


async def test_whoever_waits_for_a_link_is_nobody_yet(api: Running) -> None:
    """An account that is not proved is answered as one that is not there."""
    registration = {"email": "waiting@example.com", "name": "Ana"}
    assert (await api.client.post("/api/v1/auth/register", json=registration)).status_code == 201
    waiting = await told(api, "/api/v1/auth/login", {"email": "waiting@example.com", "password": PASSWORD}, None)
    nobody = await told(api, "/api/v1/auth/login", {"email": "nobody@example.com", "password": PASSWORD}, None)
    assert waiting == nobody
    assert waiting[0] == 401


async def at_once(api: Running, path: str, bodies: list[dict[str, Any]], headers: dict[str, str]) -> list[int]:
    async def one(body: dict[str, Any]) -> httpx2.Response:
        return await api.client.post(path, json=body, headers=headers)

    return sorted(answer.status_code for answer in await asyncio.gather(*(one(body) for body in bodies)))


@pytest.mark.slow
async def test_one_link_makes_one_user(api: Running, account: Account) -> None:
    token = await api.registration("once@example.com")
    before = await account.rows()
    assert await at_once(api, "/api/v1/auth/register/confirm", [{"token": token, "password": PASSWORD}] * 8, {}) == [204] + [409] * 7
    assert (await account.rows())["users"] == before["users"] + 1


async def test_an_address_that_is_registered_many_times_at_once_has_one_link(api: Running, account: Account) -> None:
    before = await account.rows()
    body = {"email": "twice@example.com", "name": "Ana"}
    assert await at_once(api, "/api/v1/auth/register", [body] * 4, {}) == [201] * 4
    after = await account.rows()
    assert (after["registrations"] - before["registrations"], after["jobs"] - before["jobs"]) == (1, 4)


async def test_one_link_sets_one_password_and_ends_every_session(api: Running, account: Account) -> None:
    person = await api.person()
    other = await api.logged_in(person.id, person.email, person.tenant_id)
    token, before = await api.password_reset(person), await account.rows()
    bodies = [{"token": token, "password": f"{PASSWORD} number {number}"} for number in range(4)]
    assert await at_once(api, "/api/v1/auth/password/reset", bodies, person.headers) == [204] + [409] * 3
    assert (await account.rows())["jobs"] == before["jobs"] + 1, "one letter tells of it"
    for session in (person, other):
        assert (await api.client.post("/api/v1/auth/refresh", json={"refresh_token": session.refresh_token})).status_code == 401


async def test_one_invitation_makes_one_member(api: Running, account: Account) -> None:
    host, guests = await api.person(), [await api.person() for _ in range(4)]
    token = api.invitation_token(host, await api.invitation(host))
    before = await account.rows()
    answers = await asyncio.gather(
        *(api.client.post("/api/v1/tenants/invitations/accept", json={"token": token}, headers=guest.headers) for guest in guests)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert (await account.rows())["memberships"] == before["memberships"] + 1


async def test_who_registers_by_an_invitation_has_a_tenant_of_its_own_too(api: Running, account: Account) -> None:
    host = await api.person()
    token, before = api.invitation_token(host, await api.invitation(host)), await account.rows()
    bodies = [{"token": token, "name": "Bo", "password": PASSWORD}] * 3
    assert await at_once(api, "/api/v1/tenants/invitations/register", bodies, {}) == [204, 409, 409]
    after = await account.rows()
    assert {name: after[name] - before[name] for name in ("users", "tenants", "memberships")} == {
        "users": 1,
        "tenants": 1,
        "memberships": 2,
    }


async def test_where_addresses_must_be_proved_nobody_is_added_directly(api: Running) -> None:
    owner, known = await api.person(), await api.person()
    path = f"/api/v1/tenants/{owner.tenant_id}/members"
    answers = [await told(api, path, {"email": email, "role": "member"}, owner) for email in (known.email, "nobody@example.com")]
    assert answers[0] == answers[1]
    assert answers[0][0] == 403


async def test_a_login_from_elsewhere_is_told_once_however_many_come_at_once(api: Running, account: Account) -> None:
    hashed = await api.services.container.password_hasher.hash(PASSWORD)
    person = await api.person(password_hash=hashed)
    login = {"email": person.email, "password": PASSWORD}
    assert (await api.client.post("/api/v1/auth/login", json=login)).status_code == 200
    before, elsewhere = await account.rows(), api.client_at("198.51.100.7")
    answers = await asyncio.gather(*(elsewhere.post("/api/v1/auth/login", json=login) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    after = await account.rows()
    assert (after["devices"] - before["devices"], after["jobs"] - before["jobs"], after["sessions"] - before["sessions"]) == (1, 1, 4)
