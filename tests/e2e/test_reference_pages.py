"""/docs (Swagger UI) and /docs/reference (Scalar) in Chromium: register, log in, create and list by clicks, and nothing from another host."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, Response

from tests.e2e.conftest import Project, copied
from tests.e2e.processes import Backend, serving
from tests.e2e.test_live_page import browser

__all__ = ["browser"]

pytestmark = pytest.mark.slow

ANA, PASSWORD = "ana@example.com", "a long enough pass phrase"  # the example of the document
REGISTER, TOKEN, ITEMS = "/api/v2/auth/register", "/api/v2/auth/token", "/api/v2/items"
DONE: Final = [("POST", REGISTER, 201), ("POST", TOKEN, 200), ("POST", ITEMS, 201), ("GET", ITEMS, 200)]


class Tab:
    """A page of the documentation, and what it did. `failures` are errors of scripts, of the policy, and requests to other hosts."""

    def __init__(self, browser: Browser, backend: Backend, path: str) -> None:
        self.page: Page = browser.new_page(viewport={"width": 1400, "height": 1000})
        self.calls: list[tuple[str, str, int]] = []
        self.failures: list[str] = []
        self._host = f"http://127.0.0.1:{backend.port}/"
        self.page.on("pageerror", lambda error: self.failures.append(str(error)))
        self.page.on("console", lambda message: self.failures.append(message.text) if message.type == "error" else None)
        self.page.on("request", self._note_request)
        self.page.on("response", self._note_response)
        self.page.goto(f"{self._host}{path}")

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((self._host, "data:", "blob:")):
            self.failures.append(request.url)

    def _note_response(self, response: Response) -> None:
        if f"{self._host}api/" in response.url:
            self.calls.append((response.request.method, response.url.removeprefix(self._host[:-1]).partition("?")[0], response.status))

    def click(self, found: Locator, path: str) -> None:
        """Click what sends a request to a path, and wait for its response."""
        with self.page.expect_response(lambda response: path in response.url):
            found.click()


@pytest.fixture
def backend(first_project: Project, home: Path) -> Iterator[Backend]:
    """A backend that knows no Ana."""
    with serving(copied(first_project, home).home, "--no-worker") as started:
        yield started.ready()


def test_swagger_ui(browser: Browser, backend: Backend) -> None:
    tab = Tab(browser, backend, "docs")
    page = tab.page

    def execute(method: str, path: str) -> None:
        block = page.locator(f".opblock-{method}").filter(has=page.locator(f'[data-path="{path}"]'))
        block.locator(".opblock-summary-control").click()
        block.get_by_role("button", name="Try it out").click()
        tab.click(block.get_by_role("button", name="Execute"), path)

    execute("post", REGISTER)
    page.get_by_role("button", name="Authorize", exact=True).first.click()
    login = page.locator(".auth-container").filter(has_text="password (OAuth2")
    login.locator("#oauth_username").fill(ANA)
    login.locator("#oauth_password").fill(PASSWORD)
    tab.click(login.get_by_role("button", name="Apply given OAuth2 credentials"), TOKEN)
    page.get_by_role("button", name="Close", exact=True).last.click()
    execute("post", ITEMS)
    execute("get", ITEMS)
    assert (tab.calls, tab.failures) == (DONE, [])
    page.close()


def test_scalar(browser: Browser, backend: Backend) -> None:
    tab = Tab(browser, backend, "docs/reference")
    page = tab.page
    page.get_by_placeholder("********").wait_for()

    def execute(tag: str, method: str, path: str) -> None:
        page.goto(re.sub("#.*|$", f"#tag/{tag}/{method.upper()}{path}", page.url, count=1))
        page.get_by_role("button", name=f"Test Request ({method} {path})", exact=True).click()
        tab.click(page.get_by_role("button", name=re.compile("^Send")).first, path)
        page.get_by_role("dialog").get_by_text(
            "Response Headers"
        ).wait_for()  # a dialog that is closed before it shows the response is an error to Scalar
        page.keyboard.press("Escape")

    execute("users", "post", REGISTER)
    page.goto(re.sub("#.*", "", page.url))
    page.locator(".code-input-lite__editor").nth(1).click()  # behind the URL of tokens
    page.keyboard.type(ANA)
    page.get_by_placeholder("********").fill(PASSWORD)
    tab.click(page.get_by_role("button", name="Authorize", exact=True), TOKEN)
    execute("items", "post", ITEMS)
    execute("items", "get", ITEMS)
    assert (tab.calls, tab.failures) == (DONE, [])
    page.close()


def test_swagger_ui_shows_the_version_that_its_address_names(browser: Browser, backend: Backend) -> None:
    tab = Tab(browser, backend, "docs?version=1")
    tab.page.locator('[data-path="/api/v1/items"]').first.wait_for()
    assert (tab.page.locator('[data-path^="/api/v2"]').count(), tab.failures) == (0, [])
    tab.page.close()


def test_scalar_shows_the_version_that_its_address_names(browser: Browser, backend: Backend) -> None:
    tab = Tab(browser, backend, "docs/reference?version=1")
    tab.page.get_by_placeholder("********").wait_for()
    tab.page.goto(re.sub("#.*|$", "#tag/items/GET/api/v1/items", tab.page.url, count=1))
    tab.page.get_by_role("button", name="Test Request (get /api/v1/items)", exact=True).wait_for()
    assert tab.failures == []
    tab.page.close()
