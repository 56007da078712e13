"""Probes: liveness asks nothing of others, readiness all of them, bounded and not too often. Metrics, and the page of the documentation."""

import asyncio
import re
from urllib.parse import urljoin

import pytest
from pydantic import SecretStr

from api_base.infrastructure.observability.counters import Counters
from api_base.infrastructure.observability.exposition import MergedMetrics
from api_base.interface import docs_router
from api_base.interface.v1 import health_router, metrics_router
from tests.http_harness import shell


class Dependency:
    def __init__(self, name: str, error: Exception | None = None, *, required: bool = True) -> None:
        self.name, self.error, self.required, self.asked = name, error, required, 0

    async def check(self) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error


class Stuck:
    name = "stuck"
    required = True

    async def check(self) -> None:
        await asyncio.Event().wait()


async def test_ready_when_all_answer() -> None:
    here = shell()
    database = Dependency("database")
    here.app.include_router(health_router.routes([database]))
    async with here.client() as client:
        answers = await asyncio.gather(*(client.get("/health/ready") for _ in range(20)))
        others = [await client.get(path) for path in ("/health/live", "/health/startup")]
    assert {answer.status_code for answer in [*answers, *others]} == {200}
    (found,) = answers[0].json()["dependencies"]
    assert (found["name"], found["status"]) == ("database", "ok")
    assert found["latency_ms"] >= 0
    assert database.asked == 1
    assert here.recorder.last[2] == "/health/startup"


async def test_not_ready_when_one_does_not_and_nothing_of_the_inside_shows() -> None:
    here = shell()
    here.app.include_router(health_router.routes([Dependency("database"), Dependency("cache", OSError("password=secret"))]))
    async with here.client() as client:
        answer, live = await client.get("/health/ready"), await client.get("/health/live")
    assert (answer.status_code, answer.json()["status"]) == (503, "failing")
    assert [one["status"] for one in answer.json()["dependencies"]] == ["ok", "failing"]
    assert "secret" not in answer.text
    assert live.status_code == 200


async def test_a_process_stays_ready_without_what_not_every_request_needs() -> None:
    here = shell()
    mail = Dependency("mail", OSError(), required=False)
    came_up: list[Dependency] = []
    here.app.include_router(health_router.routes([Dependency("database")], lambda: came_up))
    came_up.append(mail)
    async with here.client() as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert [(one["name"], one["status"]) for one in answer.json()["dependencies"]] == [("database", "ok"), ("mail", "degraded")]


async def test_what_is_required_outweighs_the_rest() -> None:
    here = shell()
    checks = [Dependency("database", OSError()), Dependency("mail", OSError(), required=False)]
    here.app.include_router(health_router.routes(checks))
    async with here.client() as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "failing")
    assert [one["status"] for one in answer.json()["dependencies"]] == ["failing", "degraded"]


async def test_a_dependency_that_is_stuck_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_router, "TIMEOUT", 0.02)
    here = shell()
    here.app.include_router(health_router.routes([Stuck()]))
    async with here.client() as client:
        assert (await client.get("/health/ready")).status_code == 503


async def test_metrics_are_what_prometheus_reads() -> None:
    counters = Counters()
    counters.finished("GET", "/x", 200, 0.1)
    here = shell()
    here.app.include_router(metrics_router.routes(lambda: MergedMetrics(counters), None))
    async with here.client() as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'http_requests_total{method="GET",route="/x",status="200"} 1.0' in answer.text


@pytest.mark.parametrize(("path", "count"), [("/docs", 4), ("/docs/reference", 3), ("/docs/graphiql", 7)])
async def test_the_documentation_works_offline_and_under_its_policy(path: str, count: int) -> None:
    here = shell()
    here.app.include_router(docs_router.routes("A & <B>"))
    async with here.client() as client:
        page = await client.get(path)
        links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assets = [await client.get(urljoin(path, link)) for link in links]
        outside = await client.get("/docs/assets/..%2fdocs_router.py")
        unknown = await client.get("/docs/assets/LICENSE")
    assert page.status_code == 200
    assert "A &amp; &lt;B&gt;" in page.text
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|https?://", page.text)
    assert "connect-src 'self'; frame-ancestors 'none'" in page.headers["content-security-policy"]
    makes_styles = path == "/docs/reference"
    assert (
        re.findall(r"[a-z-]+ 'self' 'unsafe[a-z-]+'", page.headers["content-security-policy"])
        == ["style-src 'self' 'unsafe-inline'"] * makes_styles
    )
    assert len(links) == count
    assert {asset.status_code for asset in assets} == {200}
    expected = {"text/javascript; charset=utf-8"} | (set() if makes_styles else {"text/css; charset=utf-8"})
    assert expected <= {asset.headers["content-type"] for asset in assets}
    assert outside.status_code == unknown.status_code == 404


async def test_balancers_may_probe_with_head() -> None:
    here = shell()
    here.app.include_router(health_router.routes([]))
    async with here.client() as client:
        assert [(await client.head(f"/health/{probe}")).status_code for probe in ("live", "startup", "ready")] == [200] * 3


async def test_metrics_require_the_token_where_one_is_set() -> None:
    here = shell()
    here.app.include_router(metrics_router.routes(lambda: MergedMetrics(Counters()), SecretStr("a-token-for-scrapers")))
    async with here.client() as client:
        answers = [
            (await client.get("/metrics", headers=headers)).status_code
            for headers in ({}, {"authorization": "Bearer a-token-for-scraper"}, {"authorization": "Bearer a-token-for-scrapers"})
        ]
    assert answers == [401, 401, 200]


async def test_readiness_without_details_names_no_dependency() -> None:
    here = shell()
    here.app.include_router(health_router.routes([Dependency("database", OSError())], details=False))
    async with here.client() as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "failing", "dependencies": []})
