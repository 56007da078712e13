"""Options of a route that its signature does not express."""

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
    """`versioned`: the response has a `version`, so it gets an ETag and supports If-None-Match.

    `location` is the path of the created resource, with fields of the response in braces. `body_limit` is in bytes; None is the server's limit.
    `public` allows requests without a token; other routes refuse them before they read the request. `rate` names a stricter limit.
    `cache` is the value of Cache-Control. `protocol` names another specification that governs the route. `replayable` is False if the response
    must not be stored, for example tokens; the route then refuses an Idempotency-Key. `sparse` allows `?fields=`. `example` is a valid
    request, `body` and `query`, for tests and documentation.
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
