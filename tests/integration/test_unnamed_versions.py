"""Who names no version never meets a stale one: the base repeats the change with the row locked."""

import asyncio
from collections import Counter
from typing import Any, Final

import httpx2
import pytest

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on

CLIENTS: Final = 10


async def send(api: Running, person: Person, method: str, path: str, json: Any = None, **headers: str) -> httpx2.Response:
    return await api.client.request(method, f"/api/v1{path}", json=json, headers={**person.headers, **headers})


async def test_ten_patches_of_any_version_succeed_and_none_is_lost(shared_migrated: Urls) -> None:
    async with running(settings_on(shared_migrated)) as api:
        person = await api.person()
        path = f"/items/{(await api.item(person))['id']}"
        answers = await asyncio.gather(
            *(send(api, person, "PATCH", path, {"attributes": {f"m{i}": i}}, **{"If-Match": "*"}) for i in range(CLIENTS))
        )
        assert Counter(answer.status_code for answer in answers) == {200: CLIENTS}
        stored = (await send(api, person, "GET", path)).json()
        assert (stored["version"], stored["attributes"]) == (CLIENTS + 1, {f"m{i}": i for i in range(CLIENTS)})


@pytest.mark.parametrize("keyed", [False, True])
async def test_no_publication_without_a_precondition_meets_a_stale_version(shared_migrated: Urls, keyed: bool) -> None:
    async with running(settings_on(shared_migrated)) as api:
        person = await api.person()
        path = f"/items/{(await api.item(person, price={'amount': '1.00', 'currency': 'EUR'}))['id']}"
        keys = [{"Idempotency-Key": f"k{i}"} if keyed else {} for i in range(CLIENTS)]
        answers = await asyncio.gather(*(send(api, person, "POST", f"{path}/publish", **key) for key in keys))
        assert Counter(answer.status_code for answer in answers) == {200: CLIENTS}
        assert {(answer.json()["status"], answer.json()["version"]) for answer in answers} == {("published", 2)}, "one of them changed it"


@pytest.mark.parametrize("mode", ["atomic", "independent"])
async def test_batches_that_name_no_version_succeed(shared_migrated: Urls, mode: str) -> None:
    async with running(settings_on(shared_migrated)) as api:
        person = await api.person()
        ids = [(await api.item(person))["id"] for _ in range(2)]

        def batch(i: int) -> dict[str, Any]:
            order = ids if i % 2 else ids[::-1]
            return {"mode": mode, "operations": [{"action": "update", "id": id, "changes": {"attributes": {f"m{i}": i}}} for id in order]}

        answers = await asyncio.gather(*(send(api, person, "POST", "/items/batch", batch(i)) for i in range(CLIENTS)))
        assert Counter(answer.status_code for answer in answers) == {200: CLIENTS}
        assert {result["status"] for answer in answers for result in answer.json()["results"]} == {200}
        for id in ids:
            assert len((await send(api, person, "GET", f"/items/{id}")).json()["attributes"]) == CLIENTS


async def test_who_names_a_version_still_loses_to_the_first(shared_migrated: Urls) -> None:
    async with running(settings_on(shared_migrated)) as api:
        person = await api.person()
        path = f"/items/{(await api.item(person))['id']}"
        tag = (await send(api, person, "GET", path)).headers["etag"]
        answers = await asyncio.gather(*(send(api, person, "PATCH", path, {"name": f"n{i}"}, **{"If-Match": tag}) for i in range(CLIENTS)))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 412: CLIENTS - 1}
