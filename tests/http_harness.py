"""The HTTP shell around a few routes, with ports held by the test: the stack and the dispatcher as the application composes them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx2
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel, ConfigDict, Field
from starlette.middleware import Middleware

from api_base.application.common.listing import ORDER, TEXT, Fields, ListRequest, Page
from api_base.application.common.listing import Field as ListField
from api_base.application.versions.calls import DeprecatedCalls
from api_base.core import errors
from api_base.core.config import Settings
from api_base.core.protocols import Charge, RateDecision, RateState, TokenClaims
from api_base.core.types import Principal, RequestContext, SessionId, TenantId, UserId, current_context
from api_base.interface.errors.handlers import install
from api_base.interface.middleware.auth import Bearer, Schemes
from api_base.interface.middleware.production import StackPorts, stack
from api_base.interface.middleware.rate_limit import RequestLimits
from api_base.interface.router import route_table, websocket_routes
from api_base.interface.routes import ExpectedVersion, ListQuery, RouteOptions, Router
from api_base.interface.routes.dispatcher import Dispatcher
from api_base.interface.routes.router import Deprecation
from api_base.interface.websocket.registry import OpenSockets

GOOD = "Bearer good"
SECURITY = {
    "content-security-policy": "default-src 'self'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "referrer-policy": "strict-origin-when-cross-origin",
    "permissions-policy": "geolocation=(), microphone=(), camera=()",
}
"""The security headers of every answer."""
PRINCIPAL = Principal(
    user_id=UserId(uuid4()),
    session_id=SessionId(uuid4()),
    tenant_id=TenantId(uuid4()),
    role="member",
    platform_admin=False,
    permissions=frozenset(),
)


@dataclass
class Recorded:
    """A recorder that keeps what it is told."""

    under_way: int = 0
    requests: list[tuple[RequestContext, str, str, int]] = field(default_factory=list)

    def started(self) -> None:
        self.under_way += 1

    def finished(self, context: RequestContext, method: str, route: str, status: int, started_at: float, seconds: float) -> None:
        assert seconds >= 0
        self.under_way -= 1
        self.requests.append((context, method, route, status))

    @property
    def last(self) -> tuple[RequestContext, str, str, int]:
        return self.requests[-1]


@dataclass
class BurstLimiter:
    """Lets `burst` hits through for each partition and policy, and never forgets. `reduced` is what its decisions say."""

    hits: dict[tuple[str, str], int] = field(default_factory=dict)
    reduced: bool = False

    async def hit(self, charges: Sequence[Charge]) -> RateDecision:
        left = [charge.rate.burst - self.hits.get(charge[:2], 0) - charge.cost for charge in charges]
        states = [RateState(one >= 0, max(one, 0), 12.0, 0.0 if one >= 0 else 3.2) for one in left]
        allowed = all(state.allowed for state in states)
        for charge in charges if allowed else ():
            self.hits[charge[:2]] = self.hits.get(charge[:2], 0) + (0 if charge.checked else charge.cost)
        return RateDecision(allowed, states, self.reduced)


@dataclass
class OneToken:
    """Knows the token `good` and its user; the look-up of the user raises `failure` where there is one."""

    checked: int = 0
    who: Principal = PRINCIPAL
    failure: Exception | None = None
    expires_at: int = 2**40

    def verify(self, token: bytes) -> TokenClaims:
        self.checked += 1
        if token != b"good":
            raise errors.Unauthenticated("The access token is not good.")
        assert PRINCIPAL.session_id is not None
        return TokenClaims(
            user_id=PRINCIPAL.user_id, session_id=PRINCIPAL.session_id, tenant_id=PRINCIPAL.tenant_id, expires_at=self.expires_at
        )

    async def principal(self, claims: TokenClaims) -> Principal:
        assert claims.user_id == PRINCIPAL.user_id
        if self.failure is not None:
            raise self.failure
        return self.who


@dataclass
class KeptRefusals:
    kept: list[tuple[str, str, int]] = field(default_factory=list)

    async def refused(self, context: RequestContext, method: str, route: str, status: int, error: errors.ApiBaseError | None) -> None:
        self.kept.append((method, route, status))


@dataclass
class HttpHarness:
    app: FastAPI
    routers: Sequence[tuple[str, APIRouter]]
    recorder: Recorded
    limiter: BurstLimiter
    tokens: OneToken
    refusals: KeptRefusals
    schemes: Schemes
    gauges: dict[str, float]
    """The figures of WebSockets."""

    @asynccontextmanager
    async def client(self, address: str = "203.0.113.7") -> AsyncIterator[httpx2.AsyncClient]:
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False, client=(address, 1234))
        async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
            yield client


def shell(*routers: APIRouter, settings: Settings | None = None) -> HttpHarness:
    """The application without bootstrap. `routers` stand under /api/v1."""
    settings = settings or Settings(_env_file=None)
    recorder, limiter, tokens, refusals = Recorded(), BurstLimiter(), OneToken(), KeptRefusals()
    prefixed = [("/api/v1", router) for router in routers]
    gauges: dict[str, float] = {}
    sockets = OpenSockets(settings.websocket, gauges.__setitem__)
    table = route_table(prefixed, settings.server.max_body_bytes, websocket_routes(prefixed, settings, sockets))
    limits = RequestLimits(limiter, settings, table.limits, b"secret")
    schemes = Schemes(Bearer(tokens, tokens, tokens))
    ports = StackPorts(recorder=recorder, limits=limits, schemes=schemes, audit=refusals, routes=table)
    app = FastAPI(
        title="Test",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[*stack(settings, ports), Middleware(Dispatcher, limits=limits, deprecated=DeprecatedCalls())],
    )
    for prefix, router in prefixed:
        app.include_router(router, prefix=prefix)
    install(app)
    return HttpHarness(app, prefixed, recorder, limiter, tokens, refusals, schemes, gauges)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingDTO:
    id: UUID
    name: str
    version: int


class ThingBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=20)]
    parts: list[Any] = []


THING = UUID("01900000-0000-7000-8000-000000000001")
FIELDS = Fields(
    ListField(name="name", kind=str, operators=TEXT, sortable=True), ListField(name="version", kind=int, operators=ORDER), default_sort=()
)
OLD = Deprecation(since=1_700_000_000, sunset=4_102_444_800, successor="/api/v1/things")
ENDED = Deprecation(since=1_600_000_000, sunset=1_700_000_000, successor="/api/v1/things")


def things() -> Router:
    """Routes of every kind over one thing at version 3."""
    router = Router(prefix="/things", tags=["things"])

    @router.post(
        "",
        RouteOptions(auth="optional", versioned=True, location="/api/v1/things/{id}", example={"body": {"name": "a"}}),
        status_code=201,
    )
    async def create_thing(body: ThingBody) -> ThingDTO:
        return ThingDTO(id=THING, name=body.name, version=1)

    @router.get("", RouteOptions(auth="optional", sparse=True))
    async def list_things(request: Annotated[ListRequest, Depends(ListQuery(FIELDS, searchable=True))]) -> Page[ThingDTO]:
        assert request.limit > 0
        return Page(items=[ThingDTO(id=THING, name="a", version=3)], next_cursor=None)

    @router.get("/{id}", RouteOptions(auth="optional", versioned=True, sparse=True))
    async def get_thing(id: UUID) -> ThingDTO:
        if id != THING:
            raise errors.NotFound("thing", id)
        return ThingDTO(id=id, name="a", version=3)

    @router.patch("/{id}", RouteOptions(auth="optional", versioned=True))
    async def update_thing(id: UUID, expected: ExpectedVersion, body: ThingBody) -> ThingDTO:
        if expected not in (None, 3):
            raise errors.StaleVersion("thing", expected)
        return ThingDTO(id=id, name=body.name, version=4)

    @router.delete("/{id}", RouteOptions(auth="optional"), status_code=204)
    async def delete_thing(id: UUID, expected: ExpectedVersion) -> None:
        assert id == THING

    @router.post("/login", RouteOptions(auth="ignored", rate="login"))
    async def login(body: ThingBody) -> ThingDTO:
        return ThingDTO(id=THING, name=body.name, version=1)

    _deprecated(router)
    return router


def _deprecated(router: Router) -> None:
    @router.get("/old/one", RouteOptions(auth="optional", deprecation=OLD, cache="private, max-age=5"))
    async def old_thing() -> ThingDTO:
        return ThingDTO(id=THING, name="old", version=1)

    @router.post("/ended", RouteOptions(deprecation=ENDED))
    async def ended_thing(body: ThingBody) -> ThingDTO:
        raise AssertionError("its sunset has passed")


def trouble() -> Router:
    """Routes that go wrong: `raises` holds what the next request to /trouble raises."""
    router = Router(prefix="/trouble", tags=["trouble"])

    @router.get("/{kind}", RouteOptions(auth="optional"))
    async def get_trouble(kind: str) -> ThingDTO:
        raise TROUBLES[kind]

    @router.get("", RouteOptions())
    async def who_asks() -> ThingDTO:
        principal = current_context.get().principal
        assert principal is not None  # the route is not public
        return ThingDTO(id=principal.user_id, name="me", version=1)

    return router


class SkuTaken(errors.Conflict):
    """As a context would declare it."""


TROUBLES: dict[str, Exception] = {
    "taken": SkuTaken("taken"),
    "rule": errors.RuleViolated("no"),
    "forbidden": errors.Forbidden("not you"),
    "busy": errors.TooManyRequests("slow", retry_after=2.5),
    "down": errors.Unavailable("gone", retry_after=4),
    "again": errors.Transient("again"),
    "invalid": errors.Invalid([errors.Violation("/a~1b", "range", "too small"), errors.Violation("/query/x", "unknown", "no such")]),
    "bug": RuntimeError("secret of the inside"),
    "misuse": errors.ProgrammingError("secret of the inside"),
}


def settings(**sections: dict[str, Any]) -> Settings:
    """Settings with some of a section changed."""
    return Settings(_env_file=None, **sections)
