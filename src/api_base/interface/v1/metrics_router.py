"""/metrics: the endpoint for Prometheus. It runs in a thread, because it reads the counters of other processes from files."""

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import Response

from api_base.core.protocols import Metrics


def routes(metrics: Callable[[], Metrics]) -> APIRouter:
    """Calls `metrics` at each scrape; its imports happen at the first one."""
    router = APIRouter(include_in_schema=False)

    @router.get("/metrics")
    def exposition() -> Response:
        found = metrics()
        return Response(found.exposition(), headers={"cache-control": "no-store", "content-type": found.content_type})

    return router
