"""Routes with more options than FastAPI's, served without FastAPI's work per request."""

from api_base.interface.routes.parameters import (
    ClientProgram,
    ExpectedVersion,
    ListQuery,
    OffsetQuery,
    OptionalVersion,
    PreferredLanguage,
)
from api_base.interface.routes.router import Deprecation, RouteOptions, Router

__all__ = [
    "ClientProgram",
    "Deprecation",
    "ExpectedVersion",
    "ListQuery",
    "OffsetQuery",
    "OptionalVersion",
    "PreferredLanguage",
    "RouteOptions",
    "Router",
]
