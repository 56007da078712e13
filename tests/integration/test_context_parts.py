"""What a context brings besides its messages: prefix, settings, middleware, lifespan, checks, OpenAPI, and a handler in place of a built-in one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.application.common.cqrs import AUTHENTICATED, Bus, Query, Registration, on, replacing
from api_base.application.users.dtos import UserDTO
from api_base.application.users.queries import GetProfile
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.opening import ended_in_time
from api_base.bootstrap.services import build, opened
from api_base.core.config import Section, Settings
from api_base.core.protocols import HealthCheck
from api_base.core.types import current_context
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.users.queries import GetProfileHandler
from api_base.interface.routes import Router
from api_base.operations.diagnosis import diagnose
from api_base.operations.wiring import declared_faults
from tests.application import Running, running, settings_on

PROBE: Final = "select 'the pool is open'"


class DeskSettings(Section):
    greeting: str = "Hello"


@dataclass(frozen=True, slots=True, kw_only=True)
class GreetingDTO:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Greet(Query[GreetingDTO]):
    permission = AUTHENTICATED


class GreetHandler:
    def __init__(self, settings: DeskSettings) -> None:
        self._settings = settings

    async def handle(self, query: Greet) -> GreetingDTO:
        return GreetingDTO(text=self._settings.greeting)


class ShoutedProfileHandler:
    """In place of that of the context `users`."""

    def __init__(self, stored: GetProfileHandler) -> None:
        self._stored = stored

    async def handle(self, query: GetProfile) -> UserDTO:
        found = await self._stored.handle(query)
        return replace(found, name=found.name.upper())


def routes(bus: Bus) -> Router:
    router = Router(prefix="/greetings", tags=["desk"])

    @router.get("", summary="Greet")
    async def greet() -> GreetingDTO:
        return await bus.execute(Greet())

    return router


class NamedCaller:
    """Adds who called to the response: the guards have run."""

    def __init__(self, app: ASGIApp, header: str) -> None:
        self._app, self._header = app, header.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = current_context.get().principal
        caller = str(principal and principal.user_id).encode()

        async def send_with_header(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (self._header, caller)]
            await send(message)

        await self._app(scope, receive, send_with_header)


class Gateway(HealthCheck):
    required = True
    name = ""

    def __init__(self, name: str = "gateway") -> None:
        self.name = name
        self.wait = 0.0
        self.error: Exception | None = None

    async def check(self) -> None:
        await asyncio.sleep(self.wait)
        if self.error is not None:
            raise self.error


class Desk:
    """The context, and what it saw."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.gateways = [Gateway()]
        self.context = Context(
            name="desk",
            prefix="/desk/v2",
            settings=DeskSettings,
            handlers=self._handlers,
            lifespan=self._lifespan,
            checks=lambda ports: self.gateways,
            middleware=lambda ports: [Middleware(NamedCaller, header="x-caller")],
            openapi=self._describe,
            routes=routes,
        )

    def _handlers(self, ports: Ports) -> Sequence[Registration]:
        return [
            on(Greet, GreetHandler(ports.section(DeskSettings))),
            replacing(GetProfile, ShoutedProfileHandler(GetProfileHandler(ports.database))),
        ]

    def _describe(self, document: dict[str, object]) -> None:
        document["x-desk"] = "here"

    @asynccontextmanager
    async def _lifespan(self, ports: Ports) -> AsyncIterator[None]:
        self.seen.append(await ports.database.probes.run(lambda connection: connection.fetchval(PROBE)))
        yield
        self.seen.append("ended, while " + await ports.database.probes.run(lambda connection: connection.fetchval(PROBE)))


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("DESK__GREETING", "Good morning")
    return Desk()


@pytest.fixture
async def app(migrated: Urls, desk: Desk) -> AsyncIterator[Running]:
    async with running(settings_on(migrated), [*BUILT_IN, desk.context]) as app:
        yield app


async def test_routes_are_served_below_the_prefix_with_the_settings(app: Running) -> None:
    ana = await app.person()
    answer = await app.client.get("/desk/v2/greetings", headers=ana.headers)
    assert (answer.status_code, answer.json()) == (200, {"text": "Good morning"})
    assert (await app.client.get("/api/v1/greetings", headers=ana.headers)).status_code == 404
    assert (await app.client.get("/desk/v2/greetings")).status_code == 401


async def test_middleware_sees_the_caller_of_requests_below_the_prefix_only(app: Running) -> None:
    ana = await app.person()
    answers = [
        await app.client.get(path, headers=ana.headers) for path in ("/desk/v2/greetings", "/desk/v2/nothing", "/api/v1/auth/me", "/desk")
    ]
    assert [answer.headers.get("x-caller") for answer in answers] == [str(ana.id), str(ana.id), None, None]
    refused = await app.client.get("/desk/v2/greetings", headers={"Authorization": "Bearer forged"})
    assert (refused.status_code, refused.headers.get("x-caller")) == (401, None)


async def test_the_lifespan_is_within_that_of_the_pools(migrated: Urls, desk: Desk) -> None:
    async with opened(build(settings_on(migrated), [*BUILT_IN, desk.context])):
        assert desk.seen == ["the pool is open"]
    assert desk.seen[1:] == ["ended, while the pool is open"]


async def test_an_end_that_takes_too_long_is_cancelled() -> None:
    seen = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        yield
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async with ended_in_time(lifespan(), "desk", seconds=0.01):
        seen.append("open")
    assert seen == ["open", "cancelled"]


async def test_an_error_at_the_end_is_not_hidden() -> None:
    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        yield
        raise TimeoutError("of the gateway")

    with pytest.raises(TimeoutError, match="of the gateway"):
        async with ended_in_time(lifespan(), "desk"):
            pass


@pytest.mark.slow
async def test_checks_are_part_of_readiness(migrated: Urls, desk: Desk) -> None:
    async with running(settings_on(migrated), [*BUILT_IN, desk.context]) as app:
        ready = await app.client.get("/health/ready")
        assert (ready.status_code, [one["name"] for one in ready.json()["dependencies"]]) == (200, ["database", "gateway"])
    desk.gateways[0].wait = 3600
    async with running(settings_on(migrated), [*BUILT_IN, desk.context]) as app:
        ready = await app.client.get("/health/ready")
        assert ready.status_code == 503
        assert {one["name"]: one["status"] for one in ready.json()["dependencies"]} == {"database": "ok", "gateway": "failing"}


@pytest.mark.slow
async def test_doctor_says_why_a_check_fails(migrated: Urls, desk: Desk) -> None:
    closed, slow = Gateway("closed"), Gateway("slow")
    closed.error, slow.wait = ConnectionRefusedError("the gateway is closed"), 3600
    desk.gateways += [closed, slow]
    findings = await diagnose(settings_on(migrated), migrated, [*BUILT_IN, desk.context])
    assert [(one.what, one.well, one.detail) for one in findings if one.what.startswith("health check")] == [
        ("health check gateway", True, "healthy"),
        ("health check closed", False, "ConnectionRefusedError: the gateway is closed"),
        ("health check slow", False, "no answer within 2 s"),
    ]
    assert desk.seen == ["the pool is open", "ended, while the pool is open"]


async def test_the_openapi_document_is_changed_once(app: Running) -> None:
    for _ in range(2):
        document = (await app.client.get("/openapi.json")).json()
    assert document["x-desk"] == "here"
    assert "/desk/v2/greetings" in document["paths"]


async def test_a_built_in_handler_is_replaced_and_the_rest_of_its_context_stays(app: Running) -> None:
    ana = await app.person()
    assert (await app.client.get("/api/v1/auth/me", headers=ana.headers)).json()["name"] == "ANA"
    changed = await app.client.patch("/api/v1/users/me", json={"name": "Bea"}, headers={**ana.headers, "If-Match": "*"})
    assert changed.status_code == 200, changed.text
    assert (await app.client.get("/api/v1/auth/me", headers=ana.headers)).json()["name"] == "BEA"


def test_a_hook_that_fails_is_found_by_the_check(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hook(document: dict[str, object]) -> None:
        del document["logo"]

    monkeypatch.chdir(tmp_path)
    (fault,) = declared_faults(Settings(), [*BUILT_IN, replace(desk.context, openapi=hook)])
    assert fault.sentence == "openapi of the context 'desk' failed. KeyError: 'logo'."
