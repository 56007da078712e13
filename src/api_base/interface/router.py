"""All routes of version 1, as our dispatcher serves them."""

from collections.abc import Iterator, Sequence
from typing import Final

from fastapi import APIRouter

from api_base.core.errors import ProgrammingError
from api_base.interface.routes.operation import Operation
from api_base.interface.routes.router import Router

V1: Final = "/api/v1"


def operations(routers: Sequence[tuple[str, APIRouter]], body_limit: int) -> list[Operation]:
    """The compiled routes of (prefix, router) pairs; those of plain FastAPI routers are left to FastAPI.

    Raises `ProgrammingError` for a router of ours within another: nobody would serve it.
    """
    return list(_operations(routers, body_limit))


def _operations(routers: Sequence[tuple[str, APIRouter]], body_limit: int) -> Iterator[Operation]:
    for prefix, router in routers:
        for route in router.routes:
            if isinstance(getattr(route, "original_router", None), Router):
                raise ProgrammingError(f"{prefix}{router.prefix}: a Router stands by itself in its Context; include only plain APIRouters.")
        for one in router.definitions if isinstance(router, Router) else ():
            yield Operation(one.endpoint, one.method, prefix + one.path, one.status, one.options, body_limit)
