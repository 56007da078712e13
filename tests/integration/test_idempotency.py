"""Idempotency-Key on a real database: one effect and one answer, whoever dies or comes at the same time; nothing for anybody else."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.pruner import Prune, Pruner
from api_base.infrastructure.idempotency.tables import IDEMPOTENCY_KEYS
from tests.application import PASSWORD, Person, Running, running, settings_on

_numbers = count(1)


@pytest.fixture
async def api(migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(migrated)) as opened:
        yield opened


@pytest.fixture
async def owner(api: Running) -> Person:
    return await api.person()


def chair(**changes: Any) -> dict[str, Any]:
    return {"sku": f"KEYED-{next(_numbers)}", "name": "Chair", "category": "furniture"} | changes


def with_key(person: Person, key: str = "a-key", **headers: str) -> dict[str, str]:
    return {**person.headers, "Idempotency-Key": key, **headers}


def replayed(answer: httpx2.Response) -> bool:
    return answer.headers.get("idempotency-replayed") == "true"


def shown(answer: httpx2.Response) -> tuple[int, bytes, str | None, str | None]:
    """What a replay has in common with the first answer."""
    return answer.status_code, answer.content, answer.headers.get("etag"), answer.headers.get("location")


async def rows(urls: Urls, sql: str, *arguments: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(urls.owner)
    try:
        return await connection.fetch(sql, *arguments)
    finally:
        await connection.close()


async def until_answered(client: httpx2.AsyncClient, method: str, path: str, **request: Any) -> httpx2.Response:
    """Send it until no twin of it is under way."""
    while (answer := await client.request(method, path, **request)).status_code == 409:
        assert answer.json()["type"] == "/problems/request-in-progress", answer.text
        assert int(answer.headers["retry-after"]) >= 1
        await asyncio.sleep(0.01)
    return answer


async def test_fifty_twins_at_once_have_one_effect_and_one_answer(api: Running, owner: Person, migrated: Urls) -> None:
    """On two applications that know nothing of each other."""
    body, headers = chair(), with_key(owner)
    async with running(api.services.settings) as other:
        twins = [until_answered(one.client, "POST", "/api/v1/items", json=body, headers=headers) for one in (api, other) for _ in range(25)]
        answers = await asyncio.gather(*twins)
    assert {shown(answer) for answer in answers} == {shown(answers[0])}
    assert answers[0].status_code == 201
    assert [replayed(answer) for answer in answers].count(False) == 1
    for made in ("items", "audit where entity = 'item'", "outbox where name = 'items.created.v1'", "idempotency_keys"):
        assert len(await rows(migrated, f"select from {made}")) == 1, made


async def test_twins_of_a_serializable_command_have_one_effect(api: Running, owner: Person, migrated: Urls) -> None:
    member = await api.member(owner, "member")
    path, headers = f"/api/v1/tenants/{owner.tenant_id}/members/{member.id}", with_key(owner, **{"If-Match": '"v1-json1"'})
    twins = [until_answered(api.client, "PATCH", path, json={"role": "viewer"}, headers=headers) for _ in range(20)]
    answers = await asyncio.gather(*twins)
    assert {shown(answer) for answer in answers} == {shown(answers[0])}
    assert (answers[0].status_code, answers[0].headers["etag"]) == (200, '"v2-json1"')
    assert len(await rows(migrated, "select from audit where action = 'member.updated'")) == 1


async def test_an_answer_that_nobody_heard_is_given_again(api: Running, owner: Person, migrated: Urls) -> None:
    async def unheard(scope: Scope, receive: Receive, send: Send) -> None:
        async def gone(message: Message) -> None:
            raise ConnectionResetError

        await api.app(scope, receive, gone)

    request: dict[str, Any] = {"json": chair(), "headers": with_key(owner)}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=unheard), base_url="http://api.test") as client:
        with pytest.raises(ConnectionError):
            await client.post("/api/v1/items", **request)
    (stored,) = await rows(migrated, "select id from items")
    answer = await api.client.post("/api/v1/items", **request)
    assert (answer.status_code, answer.json()["id"], replayed(answer)) == (201, str(stored["id"]), True)
    assert answer.headers["location"] == f"/api/v1/items/{stored['id']}"


async def test_given_up_at_any_moment_it_is_carried_out_once(api: Running, owner: Person, migrated: Urls) -> None:
    again, moment = list[bool](), 0
    while again.count(True) < 5:  # later and later, until it is past the commit
        moment += 1 + moment // 10
        request: dict[str, Any] = {"json": chair(), "headers": with_key(owner, f"moment-{moment}")}
        first = asyncio.create_task(api.client.post("/api/v1/items", **request))
        for _ in range(moment):
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        answer = await until_answered(api.client, "POST", "/api/v1/items", **request)
        assert answer.status_code == 201, answer.text
        again.append(replayed(answer))
    assert len(await rows(migrated, "select from items")) == len(again)
    assert again.count(False) > 5


async def test_another_request_under_the_same_key_is_refused(api: Running, owner: Person, migrated: Urls) -> None:
    body = chair()
    assert (await api.client.post("/api/v1/items", json=body, headers=with_key(owner))).status_code == 201
    refused = await api.client.post("/api/v1/items", json=chair(), headers=with_key(owner))
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert len(await rows(migrated, "select from items")) == 1


async def test_a_key_is_of_its_user_in_its_tenant_on_its_route(api: Running, owner: Person, migrated: Urls) -> None:
    colleague = await api.member(owner, "member")
    elsewhere = await api.logged_in(colleague.id, colleague.email, await personal_tenant(api, colleague))
    stranger = await api.person()
    price = {"amount": "1.00", "currency": "EUR"}
    first = await api.client.post("/api/v1/items", json=chair(price=price), headers=with_key(owner))
    for somebody in (colleague, elsewhere, stranger):
        answer = await api.client.post("/api/v1/items", json=chair(), headers=with_key(somebody))
        assert (answer.status_code, replayed(answer)) == (201, False)
    path = f"/api/v1/items/{first.json()['id']}"
    for route in ("publish", "archive"):
        answer = await api.client.post(f"{path}/{route}", headers=with_key(owner))
        assert (answer.status_code, replayed(answer)) == (200, False)
    assert len(await rows(migrated, "select from idempotency_keys")) == 6
    assert await seen_by(migrated) == 0
    assert await seen_by(migrated, tenant=owner.tenant_id) == 0
    assert await seen_by(migrated, user=owner.id) == 0
    assert await seen_by(migrated, tenant=owner.tenant_id, user=colleague.id) == 1
    assert await seen_by(migrated, tenant=owner.tenant_id, user=owner.id) == 3


async def personal_tenant(api: Running, person: Person) -> Any:
    mine = await api.client.get("/api/v1/tenants", headers=person.headers)
    return next(one["id"] for one in mine.json()["items"] if one["personal"])


async def seen_by(urls: Urls, **settings: Any) -> int:
    """How many records a statement of `app` sees that runs for a tenant, a user, or both."""
    connection = await asyncpg.connect(urls.app)
    try:
        async with connection.transaction():
            for name, value in settings.items():
                await connection.execute("select set_config($1, $2, true)", f"app.{name}_id", str(value))
            found: int = await connection.fetchval("select count(*) from idempotency_keys")
            return found
    finally:
        await connection.close()


async def test_who_acts_for_no_tenant_may_use_keys(api: Running, owner: Person) -> None:
    nowhere = await api.logged_in(owner.id, owner.email, None)
    headers = with_key(nowhere, **{"If-Match": '"v1-json1"'})
    answers = [await api.client.patch("/api/v1/users/me", json={"name": "Bea"}, headers=headers) for _ in range(2)]
    assert [(one.status_code, replayed(one)) for one in answers] == [(200, False), (200, True)]
    there = await api.client.patch("/api/v1/users/me", json={"name": "Bea"}, headers=with_key(owner, **{"If-Match": '"v2-json1"'}))
    assert not replayed(there)


async def test_after_a_day_a_key_is_a_new_one(api: Running, owner: Person, migrated: Urls) -> None:
    before = datetime.now(UTC)
    first = await api.client.post("/api/v1/items", json=chair(), headers=with_key(owner))
    (kept,) = await rows(migrated, "select expires_at from idempotency_keys")
    assert before + timedelta(hours=24) <= kept["expires_at"] <= datetime.now(UTC) + timedelta(hours=24)
    await rows(migrated, "update idempotency_keys set expires_at = expires_at - interval '24 hours'")
    again, replay = [await api.client.post("/api/v1/items", json={**chair(), "sku": "DAY"}, headers=with_key(owner)) for _ in range(2)]
    assert (again.status_code, replayed(again), replayed(replay)) == (201, False, True)
    assert again.json()["id"] != first.json()["id"]


async def test_the_worker_clears_away_what_has_expired(api: Running, owner: Person, migrated: Urls) -> None:
    for key in ("old", "new"):
        assert (await api.client.post("/api/v1/items", json=chair(), headers=with_key(owner, key))).status_code == 201
    await rows(migrated, "update idempotency_keys set expires_at = now() where ctid = (select min(ctid) from idempotency_keys)")
    database = api.services.worker_ports.database
    await database.open()
    try:
        assert await Pruner(database, Prune(table=IDEMPOTENCY_KEYS)).run() is False
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.run(lambda connection: connection.fetch("select result from idempotency_keys"))
    finally:
        await database.close()
    assert len(await rows(migrated, "select from idempotency_keys")) == 1


async def test_a_refusal_leaves_nothing_and_a_retry_runs_again(api: Running, owner: Person, migrated: Urls) -> None:
    taken = await api.item(owner)
    request: dict[str, Any] = {"json": chair(sku=taken["sku"]), "headers": with_key(owner)}
    refused = [await api.client.post("/api/v1/items", **request) for _ in range(2)]
    assert [(one.status_code, replayed(one)) for one in refused] == [(409, False)] * 2
    assert await rows(migrated, "select from idempotency_keys") == []
    freed = await api.client.patch(f"/api/v1/items/{taken['id']}", json={"sku": "FREED"}, headers={**owner.headers, "If-Match": "*"})
    assert freed.status_code == 200
    assert [((one := await api.client.post("/api/v1/items", **request)).status_code, replayed(one)) for _ in range(2)] == [
        (201, False),
        (201, True),
    ]


async def test_a_patch_is_answered_again_though_the_version_has_moved_on(api: Running, owner: Person, migrated: Urls) -> None:
    path = f"/api/v1/items/{(await api.item(owner))['id']}"
    request: dict[str, Any] = {"json": {"name": "Stool"}, "headers": with_key(owner, **{"If-Match": '"v1-json1"'})}
    first = await api.client.patch(path, **request)
    moved = await api.client.patch(path, json={"name": "Bench"}, headers={**owner.headers, "If-Match": '"v2-json1"'})
    again = await api.client.patch(path, **request)
    assert (moved.status_code, moved.headers["etag"]) == (200, '"v3-json1"')
    assert (first.headers["etag"], shown(again), replayed(again)) == ('"v2-json1"', shown(first), True)
    assert (await api.client.get(path, headers=owner.headers)).json()["name"] == "Bench"


async def test_a_patch_that_changes_nothing_is_kept_as_well(api: Running, owner: Person) -> None:
    item = await api.item(owner)
    request: dict[str, Any] = {"json": {"name": item["name"]}, "headers": with_key(owner, **{"If-Match": '"v1-json1"'})}
    first, again = [await api.client.patch(f"/api/v1/items/{item['id']}", **request) for _ in range(2)]
    assert (first.headers["etag"], shown(again), replayed(again)) == ('"v1-json1"', shown(first), True)


@pytest.mark.parametrize("mode", ["atomic", "independent"])
async def test_a_batch_is_answered_again_with_all_its_results(api: Running, owner: Person, mode: str, migrated: Urls) -> None:
    known = await api.item(owner)
    good = [{"action": "create", "item": chair()}, {"action": "update", "id": known["id"], "changes": {"name": "Stool"}}]
    bad = [{"action": "create", "item": chair(sku=known["sku"])}, {"action": "publish", "id": known["id"], "expected_version": 9}]
    operations = good if mode == "atomic" else [good[0], *bad, good[1]]
    request: dict[str, Any] = {"json": {"mode": mode, "operations": operations}, "headers": with_key(owner)}
    first, again = [await api.client.post("/api/v1/items/batch", **request) for _ in range(2)]
    assert (first.status_code, shown(again), replayed(again)) == (200, shown(first), True), first.text
    statuses = [one["status"] for one in first.json()["results"]]
    assert statuses == ([201, 200] if mode == "atomic" else [201, 409, 412, 200])
    assert len(await rows(migrated, "select from items")) == 2
    assert len(await rows(migrated, "select from audit where entity = 'item'")) == 3


async def test_a_refused_atomic_batch_is_not_kept(api: Running, owner: Person, migrated: Urls) -> None:
    operations = [{"action": "create", "item": chair()}, {"action": "publish", "id": str(owner.id)}]
    request: dict[str, Any] = {"json": {"mode": "atomic", "operations": operations}, "headers": with_key(owner)}
    answers = [await api.client.post("/api/v1/items/batch", **request) for _ in range(2)]
    assert [(one.status_code, replayed(one)) for one in answers] == [(422, False)] * 2
    assert await rows(migrated, "select from items") == await rows(migrated, "select from idempotency_keys") == []


@pytest.mark.slow
async def test_a_password_is_changed_once_and_the_retry_is_not_told_that_it_is_wrong(api: Running, migrated: Urls) -> None:
    person = await api.person(password_hash=await api.services.container.password_hasher.hash(PASSWORD))
    request: dict[str, Any] = {
        "json": {"current_password": PASSWORD, "new_password": "another quiet harbour at dawn"},
        "headers": with_key(person),
    }
    twins = [until_answered(api.client, "POST", "/api/v1/auth/password", **request) for _ in range(4)]
    answers = [*await asyncio.gather(*twins), await api.client.post("/api/v1/auth/password", **request)]
    assert {(one.status_code, one.content) for one in answers} == {(204, b"")}
    assert [replayed(one) for one in answers].count(False) == 1
    assert len(await rows(migrated, "select from outbox where name = 'users.password_changed.v1'")) == 1
    unkeyed = await api.client.post("/api/v1/auth/password", json=request["json"], headers=person.headers)
    assert (unkeyed.status_code, unkeyed.json()["type"]) == (409, "/problems/conflict")
