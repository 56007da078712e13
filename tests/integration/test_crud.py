"""`crud`: what one declaration gives, by HTTP on PostgreSQL. The resource is that of examples/reminders, with the revision that `--auto` wrote."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from api_base.bootstrap import migrations
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.crud import crud
from api_base.bootstrap.services import build, opened
from api_base.core.types import current_context
from api_base.infrastructure.db.embedded import Urls
from api_base.interface.mcp.catalogue import Catalogue
from tests.application import Person, Running, running, settings_on
from tests.support import act_for
from tools.documents import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLE = ROOT / "examples/reminders/src"
PATH = "/api/v1/reminders"
MILK = {"title": "Buy milk", "body": "Two bottles of whole milk", "due_on": "2026-03-01", "budget": {"amount": "3.50", "currency": "EUR"}}
LINES = 45


@pytest.fixture(scope="module")
def reminders() -> Any:
    sys.path.insert(0, str(EXAMPLE))
    try:
        import reminders
    finally:
        sys.path.remove(str(EXAMPLE))
    return reminders


@dataclass(frozen=True, slots=True)
class Shop:
    """The running application, with somebody to send requests as."""

    api: Running
    person: Person

    async def send(
        self, method: str, path: str = "", *, by: Person | None = None, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx2.Response:
        sent = {**(by or self.person).headers, **(headers or {})}
        return await self.api.client.request(method, PATH + path, headers=sent, **more)

    async def made(self, **values: Any) -> dict[str, Any]:
        answer = await self.send("POST", json={"title": "Reminder", **values})
        assert answer.status_code == 201, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def titles(self, query: str) -> list[str]:
        """The titles of all pages, each of two reminders."""
        found, cursor = [], ""
        while True:
            answer = await self.send("GET", f"?limit=2&{query}{cursor}")
            assert answer.status_code == 200, answer.text
            found += [one["title"] for one in answer.json()["items"]]
            if answer.json()["next_cursor"] is None:
                return found
            cursor = f"&cursor={answer.json()['next_cursor']}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(reminders: Any, shared_migrated: Urls) -> AsyncIterator[Running]:
    settings, contexts = settings_on(shared_migrated), [*BUILT_IN, reminders.CONTEXT]
    applied = await asyncio.to_thread(migrations.up, settings, shared_migrated, contexts)
    assert applied == ["reminders_001"]
    async with running(settings, contexts) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def shop(api: Running) -> Shop:
    """In a tenant of its own."""
    return Shop(api, await api.person())


async def test_a_note_is_created_read_changed_deleted_and_restored(shop: Shop) -> None:
    created = await shop.send("POST", json=MILK)
    assert (created.status_code, created.headers["etag"]) == (201, '"v1-json1"'), created.text
    reminder = created.json()
    assert created.headers["location"] == f"{PATH}/{reminder['id']}"
    assert {name: reminder[name] for name in MILK} == MILK
    assert (reminder["status"], reminder["pinned"], reminder["version"]) == ("open", False, 1)
    read = await shop.send("GET", f"/{reminder['id']}")
    assert (read.json(), read.headers["etag"]) == (reminder, '"v1-json1"')
    patch = {"status": "done", "due_on": None, "budget": {"amount": "4.00"}}
    changed = await shop.send("PATCH", f"/{reminder['id']}", headers={"If-Match": '"v1-json1"'}, json=patch)
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] == '"v2-json1"'
    assert changed.json() == reminder | {
        "status": "done", "due_on": None, "budget": {"amount": "4.00", "currency": "EUR"}, "version": 2, "updated_at": changed.json()["updated_at"],
    }  # fmt: skip
    assert (await shop.send("DELETE", f"/{reminder['id']}", headers={"If-Match": '"v2-json1"'})).status_code == 204
    assert (await shop.send("GET", f"/{reminder['id']}")).status_code == 404
    assert await shop.titles("") == []
    assert await shop.titles("deleted_at[is_null]=false") == ["Buy milk"]
    again = await shop.send("PATCH", f"/{reminder['id']}", headers={"If-Match": "*"}, json={"pinned": True})
    assert (again.status_code, again.json()["detail"]) == (409, "The resource is deleted. Restore it first.")
    restored = await shop.send("POST", f"/{reminder['id']}/restore")
    assert (restored.status_code, restored.json()["version"]) == (200, 4)
    assert await shop.titles("") == ["Buy milk"]


async def test_what_changes_nothing_keeps_the_version(shop: Shop) -> None:
    reminder = await shop.made(title="Same")
    answer = await shop.send("PATCH", f"/{reminder['id']}", headers={"If-Match": '"v1-json1"'}, json={"title": " Same "})
    assert answer.json() == reminder


async def test_a_stale_version_and_a_missing_one_are_refused(shop: Shop) -> None:
    reminder = await shop.made()
    for method, body in (("PATCH", {"json": {"pinned": True}}), ("DELETE", {})):
        stale = await shop.send(method, f"/{reminder['id']}", headers={"If-Match": '"v9-json1"'}, **body)
        assert (stale.status_code, stale.json()["type"]) == (412, "/problems/stale-version")
        assert (await shop.send(method, f"/{reminder['id']}", **body)).status_code == 428
    known = await shop.send("GET", f"/{reminder['id']}", headers={"If-None-Match": '"v1-json1"'})
    assert (known.status_code, known.content) == (304, b"")


async def test_who_lacks_the_role_is_refused(shop: Shop) -> None:
    reminder = await shop.made()
    viewer, member = await shop.api.member(shop.person, "viewer"), await shop.api.member(shop.person, "member")
    assert (await shop.send("GET", f"/{reminder['id']}", by=viewer)).status_code == 200
    assert (await shop.send("POST", by=viewer, json={"title": "Mine"})).status_code == 403
    assert (await shop.send("PATCH", f"/{reminder['id']}", by=viewer, headers={"If-Match": "*"}, json={"pinned": True})).status_code == 403
    assert (await shop.send("PATCH", f"/{reminder['id']}", by=member, headers={"If-Match": "*"}, json={"pinned": True})).status_code == 200
    assert (await shop.send("DELETE", f"/{reminder['id']}", by=member, headers={"If-Match": "*"})).status_code == 403


async def test_a_note_of_another_tenant_is_answered_as_a_random_id(shop: Shop) -> None:
    reminder, stranger = await shop.made(), await shop.api.person()
    for id in (reminder["id"], str(uuid4())):
        for method, end, body in (("GET", "", {}), ("PATCH", "", {"json": {"pinned": True}}), ("DELETE", "", {}), ("POST", "/restore", {})):
            answer = await shop.send(
                method, f"/{id}{end}", by=stranger, headers={"If-Match": "*"} if method in ("PATCH", "DELETE") else {}, **body
            )
            assert (answer.status_code, answer.json()["detail"]) == (404, f"No reminder with the id {id} exists.")
    listed = await shop.send("GET", by=stranger)
    assert listed.json() == {"items": [], "next_cursor": None}


async def test_a_repeated_request_creates_once(shop: Shop) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    first, second = [await shop.send("POST", headers=headers, json=MILK) for _ in range(2)]
    assert (first.status_code, second.status_code, first.json()) == (201, 201, second.json())
    assert await shop.titles("") == ["Buy milk"]


async def test_lists_are_filtered_sorted_and_paged(shop: Shop) -> None:
    for number, due in enumerate(("2026-01-03", None, "2026-01-01", None, "2026-01-02")):
        cost = {"amount": f"{number}.00", "currency": "EUR"} if number else None
        await shop.made(title=f"n{number}", due_on=due, pinned=number % 2 == 0, status="done" if number > 2 else "open", budget=cost)
    assert await shop.titles("") == ["n4", "n3", "n2", "n1", "n0"]
    assert await shop.titles("sort=title") == ["n0", "n1", "n2", "n3", "n4"]
    assert await shop.titles("sort=due_on") == ["n2", "n4", "n0", "n1", "n3"]
    assert await shop.titles("sort=-due_on") == ["n0", "n4", "n2", "n3", "n1"]
    assert await shop.titles("due_on[ge]=2026-01-02") == ["n4", "n0"]
    assert await shop.titles("due_on[is_null]=true&sort=title") == ["n1", "n3"]
    assert await shop.titles("pinned=true") == ["n4", "n2", "n0"]
    assert await shop.titles("status=done") == ["n4", "n3"]
    assert await shop.titles("title[starts_with]=n&title[ne]=n2&sort=title") == ["n0", "n1", "n3", "n4"]
    assert await shop.titles("budget.currency=EUR&budget.amount[gt]=2.00") == ["n3", "n4"]
    refused = await shop.send("GET", "?body=x&sort=pinned")
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/query/body", "/query/sort"]


async def test_q_searches_titles_and_bodies(shop: Shop) -> None:
    await shop.made(title="Garden", body="Water the tomatoes")
    await shop.made(title="Tomatoes", body="Buy seeds")
    await shop.made(title="Taxes")
    assert await shop.titles("q=tomato") == ["Tomatoes", "Garden"]
    assert await shop.titles("q=tomatos") == ["Tomatoes", "Garden"]


async def test_what_a_rule_refuses_is_named(shop: Shop) -> None:
    answer = await shop.send("POST", json={"title": "\u200b", "body": "a\0", "due_on": "tomorrow", "mood": "good", "pinned": 1})
    assert answer.status_code == 422
    assert {one["pointer"] for one in answer.json()["errors"]} == {"/body/due_on", "/body/mood", "/body/pinned"}
    answer = await shop.send("POST", json={"title": "\u200b", "body": "a\0"})
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [("/body/title", "blank"), ("/body/body", "nul")]
    reminder = await shop.made()
    for body, pointer in (
        ({"title": None}, "/body/title"),
        ({"budget": {"amount": "1"}}, "/body/budget/currency"),
        ({"id": str(uuid4())}, "/body/id"),
    ):
        answer = await shop.send("PATCH", f"/{reminder['id']}", headers={"If-Match": "*"}, json=body)
        assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, [pointer])


async def test_changes_are_audited(shop: Shop, postgres: Any, shared_migrated: Urls) -> None:
    reminder = await shop.made(due_on="2026-03-01")
    await shop.send("PATCH", f"/{reminder['id']}", headers={"If-Match": "*"}, json={"due_on": None, "pinned": True})
    connection = await asyncpg.connect(postgres.admin_of(shared_migrated))
    rows = await connection.fetch("select action, entity, before, after from audit where entity_id = $1 order by at", reminder["id"])
    await connection.close()
    assert [(row["action"], row["entity"]) for row in rows] == [("reminder.created", "reminder"), ("reminder.updated", "reminder")]
    assert json.loads(rows[1]["before"])["due_on"] == "2026-03-01"
    assert json.loads(rows[1]["after"])["pinned"] is True


async def test_graphql_reads_and_changes_it(shop: Shop) -> None:
    async def asked(query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        answer = await shop.api.client.post("/graphql", json=body, headers=shop.person.headers)
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    made = await asked('mutation { createReminder(input: {title: "Milk", dueOn: "2026-03-01"}) { reminder { id title } } }')
    listed = await asked('{ reminders(first: 5, filter: {title: {eq: "Milk"}, dueOn: {ge: "2026-01-01"}}) { nodes { id status dueOn } } }')
    assert listed["reminders"]["nodes"] == [{"id": made["createReminder"]["reminder"]["id"], "status": "OPEN", "dueOn": "2026-03-01"}]
    node = await asked("query($id: ID!) { node(id: $id) { ... on Reminder { title } } }", id=made["createReminder"]["reminder"]["id"])
    assert node["node"] == {"title": "Milk"}


async def test_agents_call_its_messages_as_tools(reminders: Any, shared_migrated: Urls, shop: Shop) -> None:
    """After the revision of the running application."""
    services = build(settings_on(shared_migrated), [*BUILT_IN, reminders.CONTEXT])
    async with opened(services):
        act_for(uuid4(), permissions=frozenset(reminders.CONTEXT.permissions))
        catalogue = Catalogue(services.bus, services.container.checker, reminders.REMINDERS.mcp)
        principal = current_context.get().principal

        async def call(tool: str, **given: Any) -> Any:
            found = catalogue.find(principal, tool)
            assert found is not None
            outcome = await catalogue.call(found, given)
            return outcome.failed, json.loads(outcome.content or b"null")

        names = [one.name for one in catalogue.tools(principal, writing=True)]
        assert names == ["create_reminder", "delete_reminder", "get_reminder", "list_reminders", "restore_reminder", "update_reminder"]
        failed, made = await call("create_reminder", **MILK)
        assert (failed, made["title"]) == (False, MILK["title"])
        failed, changed = await call("update_reminder", id=made["id"], expected_version=1, pinned=True)
        assert (failed, changed["version"], changed["pinned"]) == (False, 2, True)
        assert (await call("get_reminder", id=made["id"])) == (False, changed)
        failed, page = await call("list_reminders", q="milk", filter={"pinned[eq]": "true"})
        assert (failed, [one["id"] for one in page["items"]]) == (False, [made["id"]])
        assert (await call("delete_reminder", id=made["id"], expected_version=None)) == (False, None)
        failed, problem = await call("create_reminder", title="\u200b")
        assert (failed, [one["pointer"] for one in problem["errors"]]) == (True, ["/title"])


async def test_what_happens_is_published_if_it_is_declared(reminders: Any, shared_migrated: Urls, shop: Shop, postgres: Any) -> None:
    """After the revision of the running application, whose own declaration has no events."""
    resource = crud(reminders.Reminder, reminders.ReminderDTO, name="reminders", events=True)
    services = build(settings_on(shared_migrated), [*BUILT_IN, resource.context(migrations=reminders.CONTEXT.migrations)])
    async with opened(services):
        execute, tenant = services.bus.execute, uuid4()
        act_for(tenant, permissions=frozenset(resource.roles))
        id = (await execute(resource.create(values={"title": "Milk"}))).id
        for _ in range(2):  # what changes nothing is no event
            await execute(resource.update(id=id, expected_version=None, changes={"pinned": True}))
        await execute(resource.delete(id=id, expected_version=2))
        await execute(resource.restore(id=id, expected_version=None))
    connection = await asyncpg.connect(postgres.admin_of(shared_migrated))
    rows = await connection.fetch("select name, payload from outbox where aggregate_id = $1 order by sequence", id)
    await connection.close()
    assert [row["name"] for row in rows] == [f"reminders.{verb}.v1" for verb in ("created", "changed", "deleted", "restored")]
    assert {json.loads(row["payload"])["tenant_id"] for row in rows} == {str(tenant)}
    assert services.container.channels.rules["reminders.created.v1"].to == {"reminders": "aggregate_id"}


async def test_a_resource_of_six_fields_costs_at_most_45_lines() -> None:
    files = [path for path in (EXAMPLE / "reminders").rglob("*.py") if "migrations" not in path.parts]
    lines = 0
    for path in files:
        command = [sys.executable, "-m", "ruff", "format", "--line-length", "100", "--stdin-filename", path.name, "-"]
        formatted = subprocess.run(command, input=path.read_text(), text=True, capture_output=True, check=True).stdout  # noqa: ASYNC221
        lines += sum(1 for line in formatted.splitlines() if line.strip())
    assert lines <= LINES
    for page in ("README.md", "docs/crud.md"):
        assert f"in {lines} lines" in (ROOT / page).read_text()
