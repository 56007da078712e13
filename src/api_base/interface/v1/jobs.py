"""/api/v1/jobs: background work that a request started."""

from uuid import UUID

from api_base.application.common.cqrs import Bus
from api_base.application.jobs.cancel_job import CancelJob
from api_base.application.jobs.dtos import JobDTO
from api_base.application.jobs.get_job import GetJob
from api_base.interface.routes import RouteOptions, Router


def routes(bus: Bus) -> Router:
    router = Router(prefix="/jobs", tags=["jobs"])

    @router.get("/{id}", RouteOptions(versioned=True, sparse=True), summary="Read the status of a job")
    async def get_job(id: UUID) -> JobDTO:
        return await bus.execute(GetJob(id=id))

    @router.delete("/{id}", RouteOptions(), status_code=204, summary="Cancel a job")
    async def cancel_job(id: UUID) -> None:
        await bus.execute(CancelJob(id=id))

    return router
