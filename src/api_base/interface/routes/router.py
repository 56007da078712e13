"""`Router`: FastAPI's, with routes that declare more and are served by `Operation`."""

from collections.abc import Callable
from typing import Any, cast

from fastapi import APIRouter

from api_base.interface.routes.declares import Declares

type Endpoint = Callable[..., Any]

_ATTRIBUTE = "__api_base_declares__"


class Router(APIRouter):
    """`@router.declare("GET", "/{id}", declares=Declares(versioned=True))` on a coroutine that returns a DTO or None."""

    def declare(self, method: str, path: str, declares: Declares | None = None, **options: Any) -> Callable[[Endpoint], Endpoint]:
        """Register an endpoint. `options` are those of FastAPI's `add_api_route` (`status_code`, `summary`, `response_model`, …)."""

        def register(endpoint: Endpoint) -> Endpoint:
            setattr(endpoint, _ATTRIBUTE, declares or Declares())
            self.add_api_route(path, endpoint, methods=[method], **options)
            return endpoint

        return register


def declared(route: Any) -> Declares | None:
    """What a route declares; None for one that is not ours."""
    return cast("Declares | None", getattr(getattr(route, "endpoint", None), _ATTRIBUTE, None))
