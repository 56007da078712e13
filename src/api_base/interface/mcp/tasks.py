"""`io.modelcontextprotocol/tasks` [SEP-2663] over the jobs: a task is the job that a tool started, seen by the user who started it.

A job never asks its client for anything, so no task is `input_required`, and `tasks/update` has nothing to answer.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from mcp.server.context import ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, MISSING_REQUIRED_CLIENT_CAPABILITY, RequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field

from api_base.application.common.cqrs import Bus
from api_base.application.jobs.cancel_job import CancelJob, JobEnded
from api_base.application.jobs.dtos import JobDTO, JobStatus
from api_base.application.jobs.get_job import GetJob
from api_base.core.errors import NotFound
from api_base.interface.mcp.call import current_call
from api_base.interface.routes.rendering import encode

EXTENSION: Final = "io.modelcontextprotocol/tasks"
METHODS: Final = frozenset({"tasks/get", "tasks/update", "tasks/cancel"})
POLL_MS: Final = 1000
_STATUS: Final = {
    JobStatus.QUEUED: "working",
    JobStatus.RUNNING: "working",
    JobStatus.SUCCEEDED: "completed",
    JobStatus.FAILED: "completed",
    JobStatus.CANCELLED: "cancelled",
}
"""A job that fails is a tool call with an error: `failed` is for errors of JSON-RPC."""


class TaskParams(RequestParams):
    task_id: str = Field(alias="taskId", max_length=100)


class UpdateParams(TaskParams):
    input_responses: dict[str, Any] = Field(alias="inputResponses")


class Tasks(Extension):
    """Reads and cancels jobs over the bus. `keep_ms` is how long an ended job is kept."""

    identifier = EXTENSION

    def __init__(self, bus: Bus, keep_ms: int) -> None:
        self._bus, self._keep_ms = bus, keep_ms

    def methods(self) -> Sequence[MethodBinding]:
        versions = frozenset(MODERN_PROTOCOL_VERSIONS)
        return [
            MethodBinding("tasks/get", TaskParams, self._get, versions),
            MethodBinding("tasks/update", UpdateParams, self._update, versions),
            MethodBinding("tasks/cancel", TaskParams, self._cancel, versions),
        ]

    async def created(self, id: UUID) -> dict[str, Any]:
        """The `CreateTaskResult` of a job that is committed."""
        return {"resultType": "task", **self._shown(await self._job(str(id)), detailed=False)}

    async def _get(self, ctx: ServerRequestContext[Any], params: TaskParams) -> dict[str, Any]:
        _required(ctx)
        return self._shown(await self._job(params.task_id), detailed=True)

    async def _update(self, ctx: ServerRequestContext[Any], params: UpdateParams) -> dict[str, Any]:
        """Responses to requests that are not outstanding are ignored [SEP-2663]."""
        _required(ctx)
        await self._job(params.task_id)
        return {}

    async def _cancel(self, ctx: ServerRequestContext[Any], params: TaskParams) -> dict[str, Any]:
        """Cancelling what has ended changes nothing."""
        _required(ctx)
        if not current_call.get().writing:
            raise MCPError(code=INVALID_PARAMS, message="The token may not change anything: it has the scope read")
        job = await self._job(params.task_id)
        with suppress(JobEnded):
            await self._bus.execute(CancelJob(id=job.id))
        return {}

    async def _job(self, id: str) -> JobDTO:
        try:
            return await self._bus.execute(GetJob(id=UUID(id)))
        except (NotFound, ValueError):
            raise MCPError(code=INVALID_PARAMS, message="Task not found") from None

    def _shown(self, job: JobDTO, *, detailed: bool) -> dict[str, Any]:
        status = _STATUS[job.state]
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
        return shown


def _result(job: JobDTO) -> dict[str, Any]:
    """The `CallToolResult` of an ended job."""
    text = (job.error or "The job failed.") if job.state is JobStatus.FAILED else encode(job.result).decode()
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": job.state is JobStatus.FAILED}
    return result | ({"structuredContent": job.result} if isinstance(job.result, dict) else {})


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _required(ctx: ServerRequestContext[Any]) -> None:
    """Raise the error of a client that does not declare the extension on its request."""
    del ctx
    if not current_call.get().declares(EXTENSION):
        data: dict[str, Any] = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
        raise MCPError(code=MISSING_REQUIRED_CLIENT_CAPABILITY, message="Missing required client capability", data=data)
