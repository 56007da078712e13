"""`examples/live` in Chromium, over its EventSource and its WebSocket: log-in, list, create, conflict, events, and a restart of the server."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Request, expect, sync_playwright

from tests.e2e.conftest import Project
from tests.e2e.documentation import ROOT
from tests.e2e.processes import PATIENCE, UNLIMITED, Backend, free_port, serving
from tests.services import absent


class Pages(SimpleHTTPRequestHandler):
    """Serves the folder, without a line on standard error for each request."""

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing."""


@pytest.fixture(scope="module")
def page_url() -> Iterator[str]:
    """Where the page is served: another origin than that of the API, of the same site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=str(ROOT / "examples/live"))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        absent("Chromium is not installed. Install it, for example with: apt install chromium")
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=program, args=["--no-sandbox"]) as started:
        yield started


@contextmanager
def serving_to(page_url: str, project: Project, port: int) -> Iterator[Backend]:
    settings = {**UNLIMITED, "SERVER__CORS_ORIGINS": f'["{page_url}"]', "SERVER__CORS_CREDENTIALS": "true"}
    with serving(project.home, port=port, **settings) as backend:
        yield backend.ready()


def make(backend: Backend, token: str, sku: str) -> None:
    status, answer = backend.request("POST", "/api/v1/items", {"sku": sku, "name": "Table", "category": "goods"}, token)
    assert status == 201, answer


class LivePage:
    """The page in a tab of its own, which follows by one transport."""

    def __init__(self, browser: Browser, transport: str, page_url: str, port: int) -> None:
        self.transport, self._page = transport, browser.new_page()
        self.failures: list[str] = []
        self._authorization = ""
        self._page.on("pageerror", lambda error: self.failures.append(str(error)))
        self._page.on("request", self._note)
        self.state, self.items, self.problem = (self._page.locator(id) for id in ("#state", "#items", "#problem"))
        self._page.goto(f"{page_url}/?api=http://127.0.0.1:{port}")

    def _note(self, request: Request) -> None:
        self._authorization = request.headers.get("authorization", self._authorization)

    @property
    def token(self) -> str:
        """The access token that it sends."""
        return self._authorization.removeprefix("Bearer ")

    def log_in(self, email: str, password: str) -> None:
        self._page.fill("[name=email]", email)
        self._page.fill("[name=password]", password)
        self._page.select_option("[name=transport]", self.transport)
        self._page.click("#login button")

    def create(self, sku: str) -> None:
        self._page.fill("[name=sku]", sku)
        self._page.fill("[name=name]", "Chair")
        self._page.click("#create button")


@pytest.mark.slow
def test_the_page_shows_what_happens_also_after_a_restart(project: Project, page_url: str, browser: Browser) -> None:
    expect.set_options(timeout=PATIENCE * 1000)
    port = free_port()
    with serving_to(page_url, project, port) as backend:
        token = project.log_in(backend)
        make(backend, token, "FIRST")
        pages = [LivePage(browser, transport, page_url, port) for transport in ("EventSource", "WebSocket")]
        for page in pages:
            page.log_in(project.email, "wrong")
            expect(page.problem).not_to_be_empty()
            page.log_in(project.email, project.password)
            expect(page.state).to_have_text("live")
            expect(page.items).to_contain_text("FIRST: Table")
            page.create(page.transport)
            expect(page.problem).to_be_empty()
        for page in pages:  # each shows what the other one has created
            expect(page.items).to_contain_text("EventSource: Chair")
            expect(page.items).to_contain_text("WebSocket: Chair")
            page.create(page.transport)
            expect(page.problem).to_contain_text(page.transport)
        assert backend.end(signal.SIGTERM) == 0, backend.output
        for page in pages:
            expect(page.state).not_to_have_text("live")
    with serving_to(page_url, project, port) as backend:
        for page in pages:
            expect(page.state).to_have_text("live, nothing missed")
        make(backend, token, "LATER")
        for page, ended in zip(pages, ("ended: revoked", "closed: 3000"), strict=True):
            expect(page.items).to_contain_text("LATER: Table")
            assert backend.request("POST", "/api/v1/auth/logout", {}, page.token)[0] == 204
            expect(page.state).to_contain_text(ended)
    assert [page.failures for page in pages] == [[], []]
