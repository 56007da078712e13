"""Server-Sent Events of a real server, through a restart of the server: the client misses nothing and receives nothing twice."""

import http.client
import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import PATIENCE, UNLIMITED, Backend, serving

OURS = "LIVE-"
"""Events that were made before come too, once a worker publishes them."""

type Sent = tuple[str, str, Any]
"""Event, id, data."""


def _events(response: http.client.HTTPResponse) -> Iterator[Sent]:
    """The events of a stream, as HTML reads them, to its end."""
    fields: dict[str, str] = {}
    for line in response:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            yield fields["event"], fields.get("id", ""), json.loads(fields["data"])
            fields = {}


@contextmanager
def reading(backend: Backend, last: str = "", **headers: str) -> Iterator[Iterator[Sent]]:
    with closing(http.client.HTTPConnection("127.0.0.1", backend.port, timeout=PATIENCE)) as connection:
        connection.request("GET", "/api/v1/events/stream?channels=tenant", headers=headers | ({"Last-Event-ID": last} if last else {}))
        response = connection.getresponse()
        assert (response.status, response.headers["Content-Type"]) == (200, "text/event-stream")
        yield _events(response)


@pytest.mark.slow
def test_streams_leave_half_of_the_connections_and_every_place_to_requests(project: Project) -> None:
    with serving(project.home, SERVER__CONCURRENCY="1", SERVER__MAX_CONNECTIONS="10", **UNLIMITED) as backend, ExitStack() as stack:
        token = project.log_in(backend.ready())
        authorization = {"Authorization": f"Bearer {token}"}
        for _ in range(5):
            assert next(stack.enter_context(reading(backend, **authorization)))[0] == "subscribed"
        status, headers, problem = backend.exchange("GET", "/api/v1/events/stream?channels=tenant", None, token, {})
        assert (status, headers["Retry-After"]) == (429, "6"), problem
        assert len(make(backend, token, 2, "HALF-")) == 2


def make(backend: Backend, token: str, count: int, prefix: str = OURS) -> list[str]:
    made = []
    for _ in range(count):
        body = {"sku": f"{prefix}{uuid4()}", "name": "Chair", "category": "goods"}
        status, answer = backend.request("POST", "/api/v1/items", body, token)
        assert status == 201, answer
        made.append(answer["id"])
    return made


def received(events: Iterator[Sent], count: int) -> list[Sent]:
    return list(islice(filter(ours, events), count))


def ours(sent: Sent) -> bool:
    return sent[0] == "event" and str(sent[2]["data"].get("sku")).startswith(OURS)


def noted(events: Iterator[Sent], into: list[Sent]) -> Iterator[Sent]:
    for sent in events:
        into.append(sent)
        yield sent


def made_by(events: list[Sent]) -> list[str]:
    return [sent[2]["data"]["aggregate_id"] for sent in events]


@pytest.mark.slow
def test_a_stream_continues_after_a_restart(project: Project) -> None:
    with serving(project.home, **UNLIMITED) as backend:
        token = project.log_in(backend.ready())
        status, headers, _ = backend.exchange("POST", "/api/v1/events/session", None, token, {})
        assert status == 204
        cookie = headers["Set-Cookie"].partition(";")[0]
        with reading(backend, Cookie=cookie) as events:
            assert next(events)[0] == "subscribed"
            made = make(backend, token, 3)
            first = received(events, 2)
            assert backend.end(signal.SIGTERM) == 0, backend.output
            *rest, end = events
        assert (end[0], end[2]) == ("end", {"reason": "draining"})
        assert made_by(first) == made[:2]
        assert made_by(list(filter(ours, rest))) == made[2 : 2 + sum(map(ours, rest))]
    with serving(project.home, **UNLIMITED) as backend:
        backend.ready()
        made += make(backend, token, 2)
        with reading(backend, first[-1][1], Cookie=cookie) as events:
            before: list[Sent] = []
            later = received(noted(events, before), 3)
        (subscribed,) = [sent[2] for sent in before if sent[0] == "subscribed"]
        assert subscribed["recovered"] is True
        assert made_by([*first, *later]) == made
