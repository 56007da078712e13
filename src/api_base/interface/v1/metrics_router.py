"""/metrics: the endpoint for Prometheus. It runs in a thread, because it reads the counters of other processes from files."""

import secrets
from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import SecretStr

from api_base.core.errors import Unauthenticated
from api_base.core.protocols import Metrics


def routes(metrics: Callable[[], Metrics], token: SecretStr | None) -> APIRouter:
    """Calls `metrics` at each scrape; its imports happen at the first one. With a `token`, a scrape must send it as a bearer token."""
    router = APIRouter(include_in_schema=False)
    expected = None if token is None else f"Bearer {token.get_secret_value()}".encode()

    @router.api_route("/metrics", methods=["GET", "HEAD"])
    def exposition(request: Request) -> Response:
        sent = request.headers.get("authorization", "").encode("latin-1")
        if expected is not None and not secrets.compare_digest(sent, expected):
            raise Unauthenticated("Send the token of OBSERVABILITY__METRICS_TOKEN: Authorization: Bearer <token>.")
        content, content_type = metrics().exposition(request.headers.get("accept", ""))
        return Response(content, headers={"cache-control": "no-store", "content-type": content_type, "vary": "accept"})

    return router
