"""`io.modelcontextprotocol/tasks` [SEP-2663] over the jobs: a task is the job that a tool started, seen by the user who started it.

A job never asks its client for anything, so no task is `input_required`, and `tasks/update` has nothing to answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from mcp.server.context import ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, MISSING_REQUIRED_CLIENT_CAPABILITY, RequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field

from api_base.application.common.cqrs import Bus
from api_base.application.jobs.cancel_job import CancelJob, JobEnded
from api_base.application.jobs.dtos import JobDTO, JobStatus
from api_base.application.jobs.get_job import GetJob
from api_base.core.errors import NotFound
from api_base.interface.mcp.call import current_call, uuid_of
from api_base.interface.routes.rendering import encode

EXTENSION: Final = "io.modelcontextprotocol/tasks"
METHODS: Final = frozenset({"tasks/get", "tasks/update", "tasks/cancel"})
POLL_MS: Final = 1000
type Record = Callable[[str, UUID | None], Awaitable[None]]
_STATUS: Final = {
    JobStatus.QUEUED: "working",
    JobStatus.RUNNING: "working",
    JobStatus.SUCCEEDED: "completed",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "cancelled",
}
"""A job that is refused is `completed`, by a result that is an error; `failed` is for internal errors [SEP-2663]."""


class TaskParams(RequestParams):
    task_id: str = Field(alias="taskId", max_length=100)


class UpdateParams(TaskParams):
    input_responses: dict[str, Any] = Field(alias="inputResponses")


class Tasks(Extension):
    """Reads and cancels jobs over the bus. `record` writes a call to the audit trail; `keep_ms` is how long an ended job is kept."""

    identifier = EXTENSION

    def __init__(self, bus: Bus, record: Record, keep_ms: int) -> None:
        self._bus, self._record, self._keep_ms = bus, record, keep_ms

    def methods(self) -> Sequence[MethodBinding]:
        versions = frozenset(MODERN_PROTOCOL_VERSIONS)
        return [
            MethodBinding("tasks/get", TaskParams, self._get, versions),
            MethodBinding("tasks/update", UpdateParams, self._update, versions),
            MethodBinding("tasks/cancel", TaskParams, self._cancel, versions),
        ]

    async def created(self, id: UUID) -> dict[str, Any]:
        """The `CreateTaskResult` of a job that is committed."""
        return {"resultType": "task", **self._shown(await self._bus.execute(GetJob(id=id)), detailed=False)}

    async def _get(self, ctx: ServerRequestContext[Any], params: TaskParams) -> dict[str, Any]:
        return self._shown(await self._job("tasks/get", params), detailed=True)

    async def _update(self, ctx: ServerRequestContext[Any], params: UpdateParams) -> dict[str, Any]:
        """Responses to requests that are not outstanding are ignored [SEP-2663]."""
        await self._job("tasks/update", params)
        return {}

    async def _cancel(self, ctx: ServerRequestContext[Any], params: TaskParams) -> dict[str, Any]:
        """Cancelling what has ended changes nothing."""
        job = await self._job("tasks/cancel", params)
        if not current_call.get().writing:
            raise MCPError(code=INVALID_PARAMS, message="The token or the tenant's mode allows no changes.")
        with suppress(JobEnded):
            await self._bus.execute(CancelJob(id=job.id))
        return {}

    async def _job(self, method: str, params: TaskParams) -> JobDTO:
        """Record the call, and return the job of the caller. Foreign and unknown tasks are answered alike."""
        _require_extension()
        id = uuid_of(params.task_id)
        await self._record(method, id)
        try:
            if id is not None:
                return await self._bus.execute(GetJob(id=id))
        except NotFound:
            pass
        raise MCPError(code=INVALID_PARAMS, message="Task not found")

    def _shown(self, job: JobDTO, *, detailed: bool) -> dict[str, Any]:
        status = "completed" if job.refused else _STATUS[job.state]
        updated = job.finished_at or (datetime.now(UTC) if job.started_at is not None else job.created_at)
        shown: dict[str, Any] = {
            "taskId": str(job.id),
            "status": status,
            "statusMessage": f"{job.name}: {job.state.value}, {job.progress} %",
            "createdAt": _time(job.created_at),
            "lastUpdatedAt": _time(updated),
            "ttlMs": self._keep_ms,
            "pollIntervalMs": POLL_MS,
        }
        if detailed and status == "completed":
            shown["result"] = _result(job)
        elif detailed and status == "failed":
            shown["error"] = {"code": INTERNAL_ERROR, "message": job.error or "The job failed."}
        return shown


def _result(job: JobDTO) -> dict[str, Any]:
    """The `CallToolResult` of an ended job."""
    text = (job.error or "") if job.refused else job.result if isinstance(job.result, str) else encode(job.result).decode()
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": job.refused}
    return result | ({"structuredContent": job.result} if isinstance(job.result, dict) else {})


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _require_extension() -> None:
    """Raise the error of a client that does not declare the extension on its request."""
    if not current_call.get().declares(EXTENSION):
        data: dict[str, Any] = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
        raise MCPError(code=MISSING_REQUIRED_CLIENT_CAPABILITY, message="Missing required client capability", data=data)
