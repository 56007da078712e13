"""`/search` by Elasticsearch and OpenSearch beside a running backend: found in time, rebuilt, compared, away, caught up."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import UNLIMITED, Backend, run, serving, until
from tests.services import Proxy, Toxiproxy


@dataclass(frozen=True)
class Shop:
    """A backend whose search server is behind a proxy."""

    project: Project
    backend: Backend
    token: str
    proxy: Proxy
    variables: dict[str, str]

    def add(self, name: str) -> str:
        item = {"sku": uuid4().hex, "name": name, "category": "furniture", "price": {"amount": "12.50", "currency": "EUR"}}
        status, added = self.backend.request("POST", "/api/v1/items", item, self.token)
        assert status == 201, added
        id: str = added["id"]
        return id

    def search(self, q: str) -> tuple[int, list[str]]:
        status, page = self.backend.request("GET", f"/api/v1/search?q={q}", token=self.token)
        return status, [hit["id"] for hit in page.get("items", [])]

    def command(self, *arguments: str) -> tuple[int, str]:
        done = run(self.project.home, "search", *arguments, **self.variables)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(params=["elasticsearch", "opensearch"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def shop(project: Project, url: str, toxiproxy: Toxiproxy) -> Iterator[Shop]:
    parts = urlsplit(url)
    with toxiproxy.to(f"{parts.hostname}:{parts.port}") as proxy:
        behind = parts._replace(netloc=f"{proxy.host}:{proxy.port}").geturl()
        variables = {"SEARCH__URL": behind, "SEARCH__PREFIX": f"test-{uuid4().hex}", "SEARCH__TIMEOUT_SECONDS": "0.8"}
        with serving(project.home, **variables, **UNLIMITED) as backend:
            yield Shop(project, backend.ready(), project.log_in(backend), proxy, variables)


@pytest.mark.slow
def test_items_are_found_rebuilt_and_compared_and_caught_up_after_an_outage(shop: Shop) -> None:
    word = f"zebra{uuid4().hex[:8]}"
    first = shop.add(f"{word} chair")
    until(lambda: shop.search(word) == (200, [first]), "the item in the search")

    shop.command("verify", "--repair")  # the project's items may be older than this server
    code, printed = shop.command("verify")
    assert (code, "0 differences" in printed) == (0, True), printed
    code, printed = shop.command("reindex", "items")
    assert code == 0
    assert "documents indexed" in printed
    until(lambda: shop.search(word) == (200, [first]), "the item in the search")
    assert shop.command("rollback", "items") == (0, "items: the previous index is live again. The same command undoes this.\n")
    until(lambda: shop.search(word) == (200, [first]), "the item in the search")

    with shop.proxy.down():
        began = monotonic()
        assert shop.search(word)[0] == 503
        assert monotonic() - began < 1.0
        second = shop.add(f"{word} table")
    until(lambda: sorted(shop.search(word)[1]) == sorted([first, second]), "the item that was written during the outage")
    code, printed = shop.command("verify", "items")
    assert (code, "0 differences" in printed) == (0, True), printed


def test_an_unknown_index_is_named_with_those_that_exist(project: Project) -> None:
    done = run(project.home, "search", "verify", "colours")
    assert done.returncode == 2
    assert "The search index 'colours' does not exist. Existing ones: items." in done.stderr
