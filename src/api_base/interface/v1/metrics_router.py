"""/metrics: what Prometheus scrapes. In a thread, because the figures of other processes are read from files."""

from fastapi import APIRouter
from fastapi.responses import Response

from api_base.core.protocols import Metrics


def routes(metrics: Metrics) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/metrics")
    def exposition() -> Response:
        return Response(metrics.exposition(), headers={"cache-control": "no-store", "content-type": metrics.content_type})

    return router
