"""GET /api/v1/audit: whose records show to whom, and what was refused."""

from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from api_base.infrastructure.auth.password_attempts import PasswordAttempts
from api_base.infrastructure.auth.password_hasher import Argon2PasswordHasher
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.rate_limit.memory import MemoryRateLimiter
from tests.application import PASSWORD, Person, Running, running, settings_on

AUDIT, PLATFORM = "/api/v1/audit", "/api/v1/audit/platform"
WRONG = "a wrong pass phrase 17"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> Any:
    async with running(settings_on(shared_migrated)) as made:
        yield made


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def records(api: Running, person: Person, path: str = AUDIT, **query: str) -> list[dict[str, Any]]:
    answer = await api.client.get(path, params=query, headers=person.headers)
    assert answer.status_code == 200, answer.text
    shown: list[dict[str, Any]] = answer.json()["items"]
    return shown


async def refusals_of(api: Running, account: UUID) -> list[str]:
    admin = await api.person(platform_admin=True)
    found = await records(api, admin, PLATFORM, entity_id=str(account), sort="at")
    assert all(WRONG not in str(record) and "@" not in str(record) for record in found)
    return [record["action"] for record in found if record["action"].startswith("refused.")]


async def test_an_owner_reads_what_was_done_in_the_tenant(api: Running) -> None:
    owner, other = await api.person(), await api.person()
    item = await api.item(owner)
    renamed = await api.client.patch(
        f"/api/v1/items/{item['id']}",
        json={"name": "Stool"},
        headers=owner.headers | {"If-Match": "*", "Content-Type": "application/merge-patch+json"},
    )
    assert renamed.status_code == 200, renamed.text
    newest, first = await records(api, owner, entity_id=item["id"])
    assert (first["action"], newest["action"]) == ("item.created", "item.updated")
    assert (newest["before"]["name"], newest["after"]["name"]) == ("Chair", "Stool")
    assert newest["actor_id"] == str(owner.id)
    assert await records(api, owner, actor_id=str(owner.id), action="item.updated") == [newest]
    assert await records(api, other, entity_id=item["id"]) == []


@pytest.mark.parametrize(("role", "status"), [("admin", 200), ("member", 403), ("viewer", 403)])
async def test_it_is_for_owners_and_admins(api: Running, role: str, status: int) -> None:
    person = await api.member(await api.person(), role)
    assert (await api.client.get(AUDIT, headers=person.headers)).status_code == status
    assert (await api.client.get(PLATFORM, headers=person.headers)).status_code == 403


async def test_what_belongs_to_no_tenant_is_for_the_platform_alone(api: Running) -> None:
    admin, person = await api.person(platform_admin=True), await api.person()
    (created,) = await records(api, admin, PLATFORM, entity_id=str(person.id), action="user.created")
    assert created["after"]["email"] == "[personal]"
    assert "hash" not in str(created)
    assert await records(api, person, entity_id=str(person.id), action="user.created") == []


async def test_failed_logins_are_kept_with_the_account_and_without_the_password(api: Running) -> None:
    person = await api.person(password_hash=await hashed(PASSWORD))
    client = api.client_at("198.51.100.9")
    body = {"email": person.email, "password": WRONG}
    assert (await client.post("/api/v1/auth/login", json=body)).status_code == 401
    form = {"grant_type": "password", "username": person.email, "password": WRONG}
    assert (await client.post("/api/v1/auth/token", data=form)).status_code == 400
    assert await refusals_of(api, person.id) == ["refused.login"] * 2
    unknown = {"email": "nobody-has-this@example.com", "password": WRONG}
    assert (await client.post("/api/v1/auth/login", json=unknown)).status_code == 401
    admin = await api.person(platform_admin=True)
    newest = (await records(api, admin, PLATFORM, action="refused.login"))[0]
    assert (newest["entity_id"], newest["address"], newest["entity"]) == (None, "198.51.100.9", "POST /api/v1/auth/login")
    assert "nobody-has-this" not in str(newest)


async def hashed(password: str) -> str:
    return await Argon2PasswordHasher(1, PasswordAttempts(MemoryRateLimiter(), 10, 60)).hash(password)


async def test_refresh_tokens_that_are_refused_or_reused_are_kept(api: Running) -> None:
    person = await api.person()
    path, first = "/api/v1/auth/refresh", {"refresh_token": person.refresh_token}
    second = {"refresh_token": (await api.client.post(path, json=first)).json()["refresh_token"]}
    assert (await api.client.post(path, json=second)).status_code == 200
    assert await refusals_of(api, person.id) == []
    assert (await api.client.post(path, json=first)).status_code == 401  # two behind: somebody else has had it
    assert (await api.client.post(path, json=second)).status_code == 401  # its family has ended
    assert await refusals_of(api, person.id) == ["refused.reuse", "refused.refresh"]
