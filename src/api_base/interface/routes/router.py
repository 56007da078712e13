"""`Router`: FastAPI's, with routes that declare more and are served by `Operation`.

FastAPI serves none of them, so it gets to know them when its document is made (`describe`): that costs it some 3 ms each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from fastapi import APIRouter

from api_base.interface.routes.route_options import RouteOptions

type Endpoint = Callable[..., Any]

_ATTRIBUTE = "__api_base_declares__"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDefinition:
    """A route of ours. `path` is below that of its router; `options` are those of FastAPI's `add_api_route`."""

    method: str
    path: str
    endpoint: Endpoint
    declares: RouteOptions
    options: Mapping[str, Any]

    @property
    def status(self) -> int:
        """Status of its success."""
        return self.options.get("status_code") or 200


class Router(APIRouter):
    """`@router.declare("GET", "/{id}", declares=RouteOptions(versioned=True))` on a coroutine that returns a DTO or None.

    Belongs in a `Context`; one that is included in another router is not served.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.declared: list[RouteDefinition] = []
        self._described = 0

    def declare(self, method: str, path: str, declares: RouteOptions | None = None, **options: Any) -> Callable[[Endpoint], Endpoint]:
        """Register an endpoint. `options` are those of FastAPI's `add_api_route` (`status_code`, `summary`, `response_model`, …)."""

        def register(endpoint: Endpoint) -> Endpoint:
            found = declares or RouteOptions()
            setattr(endpoint, _ATTRIBUTE, found)
            self.declared.append(
                RouteDefinition(method=method, path=self.prefix + path, endpoint=endpoint, declares=found, options=options)
            )
            return endpoint

        return register

    def describe(self) -> None:
        """Make FastAPI's routes of those that were declared, for its document. Raises what FastAPI raises for a type that it cannot describe."""
        for one in self.declared[self._described :]:
            self.add_api_route(one.path.removeprefix(self.prefix), one.endpoint, methods=[one.method], **one.options)
        self._described = len(self.declared)


def declared(route: Any) -> RouteOptions | None:
    """What a route of FastAPI's declares; None for one that is not ours."""
    return cast("RouteOptions | None", getattr(getattr(route, "endpoint", None), _ATTRIBUTE, None))
