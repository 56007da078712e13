"""What is done for the files of all tenants: by jobs, so once for any number of workers."""

from api_base.application.services.file_upload.maintenance import DeleteOrphans, RescanFiles
from api_base.bootstrap.contexts.files import FILES
from api_base.infrastructure.db.embedded import Urls
from tests.job_harness import job_harness


async def test_orphans_and_rescans_are_jobs_of_schedules(migrated: Urls) -> None:
    due = [schedule.message() for schedule in FILES.schedules]
    assert due == [DeleteOrphans(), RescanFiles()]
    async with job_harness(migrated) as shop, shop.worker():
        for message in due:
            await shop.enqueue(message)
        assert [job["state"] for job in await shop.ended(2)] == ["succeeded", "succeeded"]
