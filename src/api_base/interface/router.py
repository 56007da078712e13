"""All routes of version 1, as FastAPI documents them and as our dispatcher serves them."""

from collections.abc import Iterator, Sequence
from typing import Final

from fastapi import APIRouter
from fastapi.routing import APIRoute

from api_base.interface.routes.operation import Operation
from api_base.interface.routes.router import declared

V1: Final = "/api/v1"


def operations(routers: Sequence[tuple[str, APIRouter]], body_limit: int) -> list[Operation]:
    """The compiled routes of (prefix, router) pairs; those of plain FastAPI routers are left to FastAPI."""
    return list(_operations(routers, body_limit))


def _operations(routers: Sequence[tuple[str, APIRouter]], body_limit: int) -> Iterator[Operation]:
    for prefix, router in routers:
        for route in router.routes:
            declares = declared(route)
            if declares is not None and isinstance(route, APIRoute):
                method = next(iter(route.methods or ()))
                yield Operation(route.endpoint, method, prefix + route.path, route.status_code or 200, declares, body_limit)
