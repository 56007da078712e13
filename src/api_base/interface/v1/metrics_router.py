"""/metrics: what Prometheus scrapes. In a thread, because the figures of other processes are read from files."""

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import Response

from api_base.core.protocols import Metrics


def routes(metrics: Callable[[], Metrics]) -> APIRouter:
    """`metrics` is called at each scrape: what it needs is imported at the first."""
    router = APIRouter(include_in_schema=False)

    @router.get("/metrics")
    def exposition() -> Response:
        found = metrics()
        return Response(found.exposition(), headers={"cache-control": "no-store", "content-type": found.content_type})

    return router
