"""The check of an upload is the system's work: it happens whatever has become of the user who uploaded."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest

from api_base.domain.files.upload import PART_BYTES
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.tasks.database_queue import id_of
from tests.application import Person, Running, running, settings_on
from tests.factories.content import PNG
from tests.job_harness import job_harness

type End = Callable[[Running, Person, Person], Awaitable[None]]
CONTENT = b"Four legs\n" * (PART_BYTES // 10 + 1)
"""Too large for a check before the answer."""


async def uploaded(api: Running, person: Person, content: bytes = CONTENT) -> UUID:
    answer = await api.client.post("/api/v1/files?name=a.txt", content=content, headers=person.headers)
    assert (answer.status_code, answer.json()["state"]) == (201, "pending"), answer.text
    return UUID(answer.json()["id"])


async def lose_role(api: Running, owner: Person, member: Person) -> None:
    path, headers = f"/api/v1/tenants/{owner.tenant_id}/members/{member.id}", {**owner.headers, "If-Match": "*"}
    assert (await api.client.patch(path, json={"role": "viewer"}, headers=headers)).status_code == 200


async def leave(api: Running, owner: Person, member: Person) -> None:
    answer = await api.client.post(f"/api/v1/tenants/{owner.tenant_id}/leave", headers=member.headers)
    assert answer.status_code == 204, answer.text


async def become_inactive(api: Running, owner: Person, member: Person) -> None:
    admin = await api.person(platform_admin=True)
    answer = await api.client.post(f"/api/v1/users/{member.id}/deactivate", headers={**admin.headers, "If-Match": "*"})
    assert answer.status_code == 200, answer.text


@pytest.mark.slow
@pytest.mark.parametrize("end", [lose_role, leave, become_inactive])
async def test_a_file_is_checked_though_its_user_has_lost_the_right_to_upload(migrated: Urls, tmp_path: Path, end: End) -> None:
    settings = settings_on(migrated, storage={"url": f"file://{tmp_path}"})
    async with running(settings) as api, job_harness(migrated, settings) as shop:
        owner = await api.person()
        member = await api.member(owner, "member")
        id = await uploaded(api, member)
        await end(api, owner, member)
        async with shop.worker():
            [job] = await shop.ended()
        assert (job["state"], job["error"]) == ("succeeded", None)
        found = await api.client.get(f"/api/v1/files/{id}", headers=owner.headers)
        assert (found.json()["state"], found.json()["size"]) == ("ready", len(CONTENT))


async def test_the_user_can_neither_read_nor_cancel_the_check(migrated: Urls, tmp_path: Path) -> None:
    """Its id follows from the file's."""
    settings = settings_on(migrated, storage={"url": f"file://{tmp_path}"})
    async with running(settings) as api, job_harness(migrated, settings) as shop:
        person = await api.person()
        id = await uploaded(api, person)
        job = id_of(person.tenant_id, "files.check", str(id))
        assert await shop.state(job) == "ready"
        assert (await api.client.get(f"/api/v1/jobs/{job}", headers=person.headers)).status_code == 404
        assert (await api.client.delete(f"/api/v1/jobs/{job}", headers=person.headers)).status_code == 404
        assert await shop.state(job) == "ready"


@pytest.mark.slow
async def test_an_image_gets_its_thumbnails_by_jobs_without_permissions(migrated: Urls, tmp_path: Path) -> None:
    settings = settings_on(migrated, storage={"url": f"file://{tmp_path}"})
    async with running(settings) as api, job_harness(migrated, settings) as shop:
        person = await api.person()
        answer = await api.client.post("/api/v1/files?name=a.png", content=PNG, headers={**person.headers, "Content-Type": "image/png"})
        assert answer.json()["state"] == "ready", answer.text
        async with shop.worker():
            [job] = await shop.ended()
        assert (job["name"], job["state"], job["user_id"]) == ("files.make_thumbnails", "succeeded", UUID(int=0))
        made = await api.client.get(f"/api/v1/files/{answer.json()['id']}/thumbnails/64", headers=person.headers)
        assert made.status_code == 200
