"""An outbound dependency in the application as it is wired: a context takes its policy, and its state shows where operators look."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api_base.application.common.cqrs import Registration
from api_base.bootstrap.application import create_app
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.worker import create_worker
from api_base.core.config import Settings
from api_base.core.errors import Transient, Unavailable
from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.observability.counters import Counters
from api_base.infrastructure.observability.exposition import MergedMetrics
from api_base.infrastructure.observability.recorder import GAUGE_INTERVAL
from api_base.infrastructure.resilience.errors import CircuitOpen, TimedOut
from api_base.infrastructure.resilience.patterns import Policy
from api_base.serving.worker import run_worker

CALLS = 10
"""As many failures open a circuit."""


@dataclass
class Mailing:
    """A context of somebody else's, which sends mail. In the worker it does so at once, and ends it."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    policies: list[Policy] = field(default_factory=list)

    def context(self) -> Context:
        return Context(name="mailing", handlers=self._handlers, background=self._background)

    def _handlers(self, ports: Ports) -> list[Registration]:
        self.policies.append(ports.policy("mail"))
        return []

    def _background(self, ports: Ports) -> Sequence[PeriodicTask]:
        return [PeriodicTask(name="send", interval=60, run=self._send)]

    async def _send(self) -> None:
        await fail(self.policies[0])
        self.stop.set()


async def fail(policy: Policy) -> None:
    async def send() -> None:
        raise Transient("greylisted")

    for _ in range(CALLS):
        with pytest.raises(Transient):
            await policy.execute(send)


def settings(urls: Urls, directory: Path, **resilience: float) -> Settings:
    return Settings(
        _env_file=None,
        database={"url": urls.app, "direct_url": urls.direct, "worker_url": urls.worker},
        security={"key_dir": directory},
        observability={"metrics_dir": directory / "metrics", "access_log": False},
        resilience=resilience,
    )


def figures(exposition: str) -> dict[str, float]:
    """Samples of the dependency `mail`, by name or, of the circuit, by state."""
    samples = [sample for family in text_string_to_metric_families(exposition) for sample in family.samples]
    return {one.labels.get("state", one.name): one.value for one in samples if one.labels.get("dependency") == "mail"}


async def test_an_open_circuit_shows_in_readiness_and_metrics_and_the_process_stays_ready(migrated: Urls, tmp_path: Path) -> None:
    mailing = Mailing()
    app = create_app(settings(migrated, tmp_path), [*BUILT_IN, mailing.context()])
    (mail,) = mailing.policies
    async with app.router.lifespan_context(app), httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        await fail(mail)
        with pytest.raises(CircuitOpen):
            await mail.execute(lambda: asyncio.sleep(0))
        ready = await client.get("/health/ready")
        async with asyncio.timeout(20 * GAUGE_INTERVAL):
            while not (found := figures((await client.get("/metrics")).text)).get("open"):
                await asyncio.sleep(GAUGE_INTERVAL / 10)
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert [(one["name"], one["status"]) for one in ready.json()["dependencies"]] == [("database", "ok"), ("mail", "degraded")]
    assert (found["dependency_calls_total"], found["dependency_failures_total"], found["dependency_refused_total"]) == (CALLS, CALLS, 1)
    assert (found["closed"], found["half_open"], found["dependency_openings_total"]) == (0, 0, 1)


async def test_what_the_worker_calls_shows_in_the_metrics_of_all_and_outlives_it(migrated: Urls, tmp_path: Path) -> None:
    mailing, configured = Mailing(), settings(migrated, tmp_path)
    await run_worker(create_worker(configured, [mailing.context()]), migrated, mailing.stop)
    found = figures(MergedMetrics(Counters(), configured.observability.metrics_dir).exposition("")[0].decode())
    assert (found["dependency_calls_total"], found["dependency_openings_total"]) == (CALLS, 1)
    assert "open" not in found  # it was a state of a process that is gone


async def test_the_settings_decide(migrated: Urls, tmp_path: Path) -> None:
    mailing = Mailing()
    create_app(
        settings(migrated, tmp_path, timeout_seconds=0.01, attempts=2, concurrency=1, queue_size=0, failure_rate=0.1, open_seconds=3000),
        [*BUILT_IN, mailing.context()],
    )
    (mail,) = mailing.policies
    asked = 0

    async def hangs() -> None:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()

    with pytest.raises(TimedOut):
        await mail.execute(hangs, idempotent=True)
    assert asked == 2
    for _ in range(CALLS - 3):
        await mail.execute(lambda: asyncio.sleep(0))
    holds = asyncio.create_task(mail.execute(lambda: asyncio.sleep(0)))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="in flight"):
        await mail.execute(hangs)
    await holds
    with pytest.raises(CircuitOpen) as refused:
        await mail.execute(hangs)
    assert 2900 < refused.value.retry_after <= 3000
