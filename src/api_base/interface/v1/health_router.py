"""/health/live: the process responds. /health/startup: it has started. /health/ready: the dependencies that it requires respond too.

A dependency that only some requests need makes the process `degraded`, but it stays ready: the dependency fails for all processes, and a
load balancer that removed all of them would turn a partial outage into a total one.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from api_base.core.protocols import HealthCheck

TIMEOUT: Final = 2.0
"""Seconds to wait for a dependency."""
CACHE_SECONDS: Final = 1.0
"""Seconds for which a result is reused: anyone may send any number of requests."""

_OPEN: Final = {"x-api-base": {"auth": "ignored"}}
_NO_STORE: Final = {"cache-control": "no-store"}
type Status = Literal["ok", "degraded", "failing"]
_SEVERITY: Final[Sequence[Status]] = ("ok", "degraded", "failing")


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthDTO:
    status: Literal["ok"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyDTO:
    """`degraded` marks a failing dependency that only some requests need. `latency_ms` is the time to the answer or the timeout."""

    name: str
    status: Status
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessDTO:
    """`status` is the worst status of all dependencies. Production lists no `dependencies`, unless `SERVER__DOCUMENTS` is `public`."""

    status: Status
    dependencies: Sequence[DependencyDTO]


class Readiness:
    """Checks all dependencies concurrently. Concurrent requests share one check."""

    def __init__(self, checks: Callable[[], Sequence[HealthCheck]]) -> None:
        self._checks = checks
        self._lock = asyncio.Lock()
        self._found: ReadinessDTO | None = None
        self._found_at = 0.0

    async def now(self) -> ReadinessDTO:
        async with self._lock:
            if self._found is None or time.monotonic() - self._found_at > CACHE_SECONDS:
                found = await asyncio.gather(*map(_ask, self._checks()))
                worst = max((dependency.status for dependency in found), key=_SEVERITY.index, default=_SEVERITY[0])
                self._found = ReadinessDTO(status=worst, dependencies=found)
                self._found_at = time.monotonic()
            return self._found


async def _ask(check: HealthCheck) -> DependencyDTO:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT):
            await check.check()
        status: Status = "ok"
    except Exception:  # `api-base doctor` shows the reason; anonymous callers must not see it
        status = "failing" if check.required else "degraded"
    return DependencyDTO(name=check.name, status=status, latency_ms=round((time.perf_counter() - began) * 1000, 2))


def routes(checks: Sequence[HealthCheck], found: Callable[[], Sequence[HealthCheck]] = tuple, *, details: bool = True) -> APIRouter:
    """The probes. Readiness runs `checks`, and those that `found` returns for the dependencies in use at that time.

    Without `details`, readiness names no dependency.
    """
    router = APIRouter(prefix="/health", tags=["health"])
    readiness = Readiness(lambda: [*checks, *found()])

    @router.get("/live", summary="Is the process alive", response_model=HealthDTO, openapi_extra=_OPEN)
    async def health_live() -> Response:
        return _answer(200, HealthDTO(status="ok"))

    @router.get("/startup", summary="Has the process started", response_model=HealthDTO, openapi_extra=_OPEN)
    async def health_startup() -> Response:
        """The process serves only after everything is open, so any response proves that it has started."""
        return _answer(200, HealthDTO(status="ok"))

    @router.get(
        "/ready",
        summary="Can requests be served",
        response_model=ReadinessDTO,
        openapi_extra=_OPEN,
        responses={503: {"model": ReadinessDTO, "description": "A dependency that every request needs does not answer"}},
    )
    async def health_ready() -> Response:
        now = await readiness.now()
        return _answer(503 if now.status == "failing" else 200, now if details else replace(now, dependencies=()))

    for path, endpoint in (("/live", health_live), ("/startup", health_startup), ("/ready", health_ready)):
        router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)  # some load balancers probe with HEAD
    return router


def _answer(status: int, content: HealthDTO | ReadinessDTO) -> Response:
    return Response(msgspec.json.encode(content), status, _NO_STORE, "application/json")
