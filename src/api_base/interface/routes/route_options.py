"""Options of a route beyond its signature."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

type Protocol = Literal["oauth2", "jwks", "metrics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """`since` and `sunset` are seconds since the epoch [RFC 9745, 8594]; `successor` is the path that replaces the route."""

    since: int
    sunset: int
    successor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOptions:
    """`versioned`: the answer has a `version`, so it gets an ETag and takes If-None-Match.

    `location` is the path of what was created, with fields of the answer in braces. `body_limit` is in bytes; None is the server's.
    `public`: the route needs no token; the others refuse a request without one before they read its body.
    `rate` names a stricter limit. `cache` is the value of Cache-Control. `protocol` names another specification that governs the route.
    `replayable`: False if the response must not be stored, such as tokens; the route then refuses an Idempotency-Key.
    `sparse`: `?fields=` narrows the answer. `example` is a valid request, `body` and `query`, for tests and documentation.
    """

    versioned: bool = False
    location: str | None = None
    body_limit: int | None = None
    rate: Literal["login"] | None = None
    cache: str = "no-store"
    public: bool = False
    protocol: Protocol | None = None
    sparse: bool = False
    replayable: bool = True
    deprecation: Deprecation | None = None
    example: Mapping[str, Any] = field(default_factory=dict)
