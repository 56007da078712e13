"""`api-base events` beside a running backend: list, dead events and replay."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import Project
from tests.e2e.documentation import ROOT
from tests.e2e.processes import UNLIMITED, Backend, one_sentence, rows, run, serving, until

pytestmark = pytest.mark.slow

INVOICES = {"CONTEXTS": '["invoices:INVOICES"]', "PYTHONPATH": str(ROOT / "examples/invoices/src")}
POISON = """
insert into deliveries select 'invoices.issue', sequence, at, id, shard, aggregate_id, 10, now(), true, 'RuleViolated: not today'
from outbox where name = 'items.status_changed.v1' and aggregate_id = '{id}';
"""


@dataclass(frozen=True)
class Shop:
    """A backend with a published item, from before its worker had the invoices context."""

    project: Project
    backend: Backend
    token: str
    item: str

    def invoices(self) -> list[dict[str, object]]:
        status, page = self.backend.request("GET", "/api/v1/invoices", token=self.token)
        assert status == 200, page
        found: list[dict[str, object]] = page["items"]
        return [one for one in found if one["item_id"] == self.item]

    def events(self, *arguments: str) -> tuple[int, str]:
        done = run(self.project.home, "events", *arguments, **INVOICES)
        assert done.stderr == "", done
        return done.returncode, done.stdout

    def rows(self, sql: str) -> list[list[str]]:
        return rows(self.project.home, sql)


@pytest.fixture(scope="module")
def shop(project: Project) -> Iterator[Shop]:
    with serving(project.home) as backend:
        token = project.log_in(backend.ready())
        item = publish(backend, token)
        unpublished = "select count(*) from outbox where not published"
        until(lambda: rows(project.home, unpublished) == [["0"]], "an empty outbox")
    assert run(project.home, "migrate", "up", **INVOICES).returncode == 0
    with serving(project.home, **INVOICES, **UNLIMITED) as backend:
        yield Shop(project, backend.ready(), token, item)


def publish(backend: Backend, token: str) -> str:
    chair = {"sku": "OLD", "name": "Chair", "category": "furniture", "price": {"amount": "12.50", "currency": "EUR"}}
    status, item = backend.request("POST", "/api/v1/items", chair, token)
    assert status == 201, item
    assert backend.request("POST", f"/api/v1/items/{item['id']}/publish", token=token)[0] == 200
    id: str = item["id"]
    return id


def test_events_are_listed_as_cloud_events_oldest_first(shop: Shop) -> None:
    code, printed = shop.events("list", "--aggregate", shop.item)
    events = [json.loads(line) for line in printed.splitlines()]
    assert code == 0
    assert [event["type"] for event in events] == ["items.created.v1", "items.status_changed.v1"]
    assert [event["aggregateversion"] for event in events] == [1, 2]
    assert events[0]["data"]["sku"] == "OLD"
    status, schema = shop.backend.request("GET", urlsplit(events[0]["dataschema"]).path)
    assert (status, schema["title"]) == (200, "ItemCreated")
    assert shop.events("list", "--aggregate", shop.item, "--limit", "1")[1] == printed.splitlines()[1] + "\n"
    assert shop.events("list", "--name", "items.created.v1", "--since", "2100-01-01") == (0, "")


def test_replay_delivers_stored_events_to_a_new_subscription_once(shop: Shop) -> None:
    again = ("replay", "--subscription", "invoices.issue", "--since")
    assert shop.invoices() == []
    assert shop.events(*again, "2100-01-01") == (0, "0 events will be tried again.\n")
    assert shop.events(*again, "2020-01-01") == (0, "1 event will be tried again.\n")
    until(shop.invoices, "an invoice")
    assert shop.events(*again, "2020-01-01")[0] == 0
    until(lambda: shop.rows("select count(*) from deliveries") == [["0"]], "nothing left to deliver")
    assert len(shop.invoices()) == 1


def test_a_dead_event_is_listed_and_retried(shop: Shop) -> None:
    assert shop.events("dead") == (0, "")
    shop.rows(POISON.format(id=shop.item))
    code, printed = shop.events("dead")
    assert code == 1
    assert "items.status_changed.v1 to invoices.issue: 10 attempts, 0 behind it: RuleViolated: not today" in printed
    dead = printed.split()[0]
    other = "01900000-0000-7000-8000-000000000001"
    assert shop.events("replay", other) == (0, "0 events will be tried again.\n")
    assert shop.events("replay", dead, "--subscription", "invoices.issue") == (0, "1 event will be tried again.\n")
    assert shop.events("dead") == (0, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "2020-01-01"), "--since requires --subscription"),
        (("--since", "2020-01-01", "--subscription", "invoices.isue"), "the durable subscription 'invoices.isue' does not exist. Existing ones: invoices.issue, search.items_on_"),
        (("--subscription", "nobody"), "the durable subscription 'nobody' does not exist"),
        (
            ("01900000-0000-7000-8000-000000000001", "--since", "2020-01-01", "--subscription", "invoices.issue"),
            "do not combine it with the id of an event",
        ),
    ],
)  # fmt: skip
def test_invalid_arguments_are_reported_in_one_sentence(shop: Shop, arguments: tuple[str, ...], said: str) -> None:
    assert said in one_sentence(run(shop.project.home, "events", "replay", *arguments, **INVOICES))
