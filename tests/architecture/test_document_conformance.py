"""schemathesis over the OpenAPI document of the newest version, and over what differs in older ones: what comes back is what the document says, for valid and for mutated requests."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api_base.infrastructure.db.embedded import Urls
from api_base.interface.openapi.query_operations import QUERY
from tests.application import Person, Running, running, settings_on
from tests.architecture.routes import DOCUMENTS, OLDER_ROUTES, ROUTES, Route

pytestmark = pytest.mark.slow

EXAMPLES, SLOW_EXAMPLES = 12, 4
"""For each route; fewer where a password is hashed each time."""
ALWAYS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SCHEMAS = {version: schemathesis.openapi.from_dict(document) for version, document in DOCUMENTS.items()}
QUERIES = {
    version: schemathesis.openapi.from_dict(
        {**document, "paths": {path: {"post": one[QUERY]} for path, one in document["paths"].items() if QUERY in one}}
    )
    for version, document in DOCUMENTS.items()
}
"""Operations of the method QUERY, which OpenAPI 3.1 does not know."""
ENDING = {"logout", "leave_tenant", "change_password"}
"""What ends the session of who sends it: they get one of their own."""


class Server:
    """The application on a loop of its own: a property is no coroutine."""

    def __init__(self, urls: Urls) -> None:
        self._runner, self._stack = asyncio.Runner(), AsyncExitStack()
        self._api: Running = self._runner.run(self._stack.enter_async_context(running(settings_on(urls))))

    def person(self, *, platform_admin: bool) -> Person:
        return self._runner.run(self._api.person(platform_admin=platform_admin))

    def send(self, case: schemathesis.Case, person: Person, method: str) -> httpx2.Response:
        prepared = requests.Request(**case.as_transport_kwargs(base_url="http://api.test")).prepare()
        headers = {name: value.encode("latin-1", "replace") for name, value in {**prepared.headers, **person.headers}.items()}
        return self._runner.run(self._api.client.request(method, prepared.url, headers=headers, content=prepared.body))

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()


@pytest.fixture(scope="module")
def server(shared_migrated: Urls) -> Iterator[Server]:
    opened = Server(shared_migrated)
    yield opened
    opened.close()


def ways() -> Iterator[Any]:
    """Each route by valid requests, and where there is anything to get wrong by mutated ones."""
    for route in (one for one in (*ROUTES, *OLDER_ROUTES) if not one.of_protocol):
        yield pytest.param(route, GenerationMode.POSITIVE, id=f"{route.id}-valid")
        if route.operation.get("parameters") or route.media_type:
            yield pytest.param(route, GenerationMode.NEGATIVE, id=f"{route.id}-mutated")


def checks(case: schemathesis.Case, mode: GenerationMode) -> list[Any]:
    """What is mutated must be refused, and what may be left out of an answer is not."""
    refused = [] if case.method != "GET" or case.query.keys() - {"fields"} else [positive_data_acceptance]
    return [*ALWAYS, *(refused if mode is GenerationMode.POSITIVE else [negative_data_rejection])]


@pytest.mark.parametrize(("route", "mode"), list(ways()))
def test_answers_are_as_documented(server: Server, route: Route, mode: GenerationMode) -> None:
    operation = (
        SCHEMAS[route.version][route.template][route.method] if route.read is None else QUERIES[route.version][route.template]["POST"]
    )
    person = server.person(platform_admin="users" in route.operation["tags"])

    slow = route.options is not None and route.options.rate == "login"

    @seed(1)
    @settings(
        max_examples=SLOW_EXAMPLES if slow else EXAMPLES,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def conforms(case: schemathesis.Case) -> None:
        who = server.person(platform_admin=False) if route.name in ENDING else person
        case.validate_response(server.send(case, who, route.method), checks=checks(case, mode))

    conforms()
