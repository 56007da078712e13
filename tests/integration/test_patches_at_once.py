"""50 clients patch one item with If-Match: exactly one wins each version, nothing is lost, and the audit tells of each version once."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import pytest

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on

CLIENTS = 50
ROUNDS = 12


async def patch(api: Running, person: Person, id: str, tag: str, mark: str) -> httpx2.Response:
    headers = {**person.headers, "If-Match": tag}
    return await api.client.patch(f"/api/v1/items/{id}", json={"attributes": {mark: True}}, headers=headers)


async def read(api: Running, person: Person, id: str) -> tuple[str, dict[str, Any]]:
    answer = await api.client.get(f"/api/v1/items/{id}", headers=person.headers)
    return answer.headers["etag"], answer.json()


async def audited(urls: Urls, id: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(urls.owner)
    try:
        rows: list[asyncpg.Record] = await connection.fetch(
            "select action, before->>'version' as before, after->>'version' as after from audit where entity_id = $1", UUID(id)
        )
        return rows
    finally:
        await connection.close()


@pytest.mark.slow
async def test_one_wins_each_version(migrated: Urls) -> None:
    async with running(settings_on(migrated)) as api:
        person = await api.person()
        id, winners = (await api.item(person))["id"], set()
        for round in range(ROUNDS):
            tag, shown = await read(api, person, id)
            assert shown["version"] == round + 1
            marks = [f"{round}-{client}" for client in range(CLIENTS)]
            answers = await asyncio.gather(*(patch(api, person, id, tag, mark) for mark in marks))
            assert Counter(answer.status_code for answer in answers) == {200: 1, 412: CLIENTS - 1}
            winners.add(next(mark for mark, answer in zip(marks, answers, strict=True) if answer.status_code == 200))
        _, shown = await read(api, person, id)
        assert shown["attributes"].keys() == winners
    assert_one_record_per_version(await audited(migrated, id), ROUNDS + 1)


@pytest.mark.slow
async def test_who_reads_again_loses_nothing(migrated: Urls) -> None:
    """Without rounds: every client tries until its own mark is in, as a real one would."""
    async with running(settings_on(migrated)) as api:
        person = await api.person()
        id = (await api.item(person))["id"]

        async def insist(mark: str) -> None:
            while True:
                tag, _ = await read(api, person, id)
                answer = await patch(api, person, id, tag, mark)
                if answer.status_code != 412:
                    assert answer.status_code == 200, answer.text
                    return

        await asyncio.gather(*(insist(f"client-{client}") for client in range(CLIENTS)))
        _, shown = await read(api, person, id)
        assert shown["version"] == CLIENTS + 1
        assert shown["attributes"].keys() == {f"client-{client}" for client in range(CLIENTS)}
    assert_one_record_per_version(await audited(migrated, id), CLIENTS + 1)


@pytest.mark.parametrize("action", ["publish", "archive"])
async def test_actions_are_won_by_one_too(migrated: Urls, action: str) -> None:
    async with running(settings_on(migrated)) as api:
        person = await api.person()
        item = await api.item(person, price={"amount": "1.00", "currency": "EUR"})
        url, headers = f"/api/v1/items/{item['id']}/{action}", {**person.headers, "If-Match": '"v1-json1"'}
        answers = await asyncio.gather(*(api.client.post(url, headers=headers) for _ in range(CLIENTS)))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 412: CLIENTS - 1}
    assert_one_record_per_version(await audited(migrated, item["id"]), 2)


def assert_one_record_per_version(records: list[asyncpg.Record], versions: int) -> None:
    told = sorted((int(one["before"] or 0), int(one["after"])) for one in records)
    assert told == [(version, version + 1) for version in range(versions)]
