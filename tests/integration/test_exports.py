"""Whole lists as CSV and JSON Lines: what is exported, who may export, what is recorded, and that an import changes nothing."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from api_base.application.exports.begin_export import LIMIT
from api_base.infrastructure.db.embedded import Urls
from api_base.interface.routes import exports
from tests.application import Person, Running, running, settings_on
from tests.integration.test_upload_imports import Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")

CSV, JSONL = "text/csv", "application/jsonl"
HOSTILE = {
    "name": "=cmd|' /C calc'!A0",
    "description": 'a "quoted", b\r\n+1+1\n\'=2\n',
    "tags": ["-tag", "red", "@home"],
    "attributes": {"formula": "=1+1", "list": [1, None, {"a": "é"}], "n": 1.5},
}
"""What a spreadsheet would calculate, and what breaks a line."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated)) as opened:
        yield opened


async def exported(api: Running, person: Person, url: str = "/api/v1/items", accept: str = CSV, **headers: str) -> httpx2.Response:
    return await api.client.get(url, headers={**person.headers, "Accept": accept, **headers})


def rows(answer: httpx2.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def lines(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def stocked(api: Running, count: int = 3) -> tuple[Person, list[dict[str, Any]]]:
    """Return somebody with items, the last of which is hostile, and the items in the order of the list."""
    owner = await api.person()
    price = {"amount": "12.50", "currency": "EUR"}
    for number in range(count):
        await api.item(owner, sku=f"CHAIR-{number:05}", price=price if number % 2 else None, tags=["wood", "red"])
    await api.item(owner, sku="-1+2", price={"amount": "0.00", "currency": "JPY"} | {"amount": "7"}, **HOSTILE)
    listed = await api.client.get("/api/v1/items?limit=200", headers=owner.headers)
    items: list[dict[str, Any]] = listed.json()["items"]
    return owner, items


async def test_json_lines_are_the_items_of_the_list(api: Running) -> None:
    owner, items = await stocked(api)
    answer = await exported(api, owner, accept=JSONL)
    assert lines(answer) == items
    assert answer.headers["content-type"] == JSONL
    assert answer.headers["content-disposition"] == 'attachment; filename="items.jsonl"'
    assert answer.headers["cache-control"] == "no-store"
    filtered = await exported(api, owner, "/api/v1/items?sku[starts_with]=CHAIR&sort=-sku&fields=sku,price", JSONL)
    assert [list(one) for one in lines(filtered)] == [["sku", "price"]] * 3
    assert [one["sku"] for one in lines(filtered)] == ["CHAIR-00002", "CHAIR-00001", "CHAIR-00000"]


async def test_csv_has_a_column_for_each_member_and_nothing_that_is_calculated(api: Running) -> None:
    owner, items = await stocked(api)
    answer = await exported(api, owner)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == 'attachment; filename="items.csv"'
    found = rows(answer)
    assert [row["_row"] for row in found] == [str(number) for number in range(1, len(items) + 1)]
    assert [(row["sku"].removeprefix("'"), row["id"], row["version"]) for row in found] == [
        (one["sku"], one["id"], str(one["version"])) for one in items
    ]
    assert {row["price.amount"] for row in found} == {"", "12.50", "7"}
    assert not [cell for row in found for cell in row.values() if cell[:1] in tuple("=+@\t\r")]
    hostile = next(row for row in found if row["sku"] == "'-1+2")
    assert (hostile["name"], json.loads(hostile["attributes"])) == (f"'{HOSTILE['name']}", HOSTILE["attributes"])
    assert answer.text.endswith("\r\n")
    some = rows(await exported(api, owner, "/api/v1/items?fields=price,sku&sku=CHAIR-00001"))
    assert some == [{"_row": "1", "price.amount": "12.50", "price.currency": "EUR", "sku": "CHAIR-00001"}]
    nothing = await exported(api, owner, "/api/v1/items?sku=NONE&fields=sku")
    assert nothing.text == "_row,sku\r\n"


@pytest.mark.parametrize("accept", [CSV, JSONL])
async def test_an_import_of_an_export_changes_nothing_and_makes_the_same_elsewhere(
    api: Running, shared_migrated: Urls, accept: str
) -> None:
    owner, items = await stocked(api, 5)
    answer = await exported(api, owner, accept=accept)
    again = (await Desk(api, shared_migrated, owner).imported(answer.content, media_type=accept))["result"]
    assert {name: again[name] for name in ("rows", "unchanged", "refused")} == {"rows": len(items), "unchanged": len(items), "refused": 0}
    other = await api.person()
    made = (await Desk(api, shared_migrated, other).imported(answer.content, media_type=accept))["result"]
    assert {name: made[name] for name in ("created", "refused")} == {"created": len(items), "refused": 0}
    copied = (await api.client.get("/api/v1/items?limit=200", headers=other.headers)).json()["items"]
    own = ("sku", "name", "description", "price", "category", "tags", "attributes")
    assert sorted(([one[name] for name in own] for one in copied), key=str) == sorted(
        ([one[name] for name in own] for one in items), key=str
    )


async def test_all_rows_are_exported_beyond_one_page(api: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, items = await stocked(api, 11)
    for page in (1, 3, 12, 13):
        monkeypatch.setattr(exports, "PAGE", page)
        assert lines(await exported(api, owner, accept=JSONL)) == items
        assert [row["_row"] for row in rows(await exported(api, owner))] == [str(number) for number in range(1, 13)]


@pytest.mark.parametrize("parameter", ["limit=5", "cursor=abc", "include_total=true"])
async def test_a_part_is_no_export(api: Running, parameter: str) -> None:
    refused = await exported(api, await api.person(), f"/api/v1/items?{parameter}")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/query/{parameter.partition('=')[0]}")


async def test_filters_in_the_content_and_codings_are_for_exports_too(api: Running) -> None:
    owner, _ = await stocked(api)
    headers = {**owner.headers, "Accept": CSV, "Accept-Encoding": "gzip"}
    answer = await api.client.request("QUERY", "/api/v1/items", json={"sku": {"starts_with": "CHAIR"}, "fields": ["sku"]}, headers=headers)
    assert (answer.headers["content-encoding"], [row["sku"] for row in rows(answer)]) == (
        "gzip",
        ["CHAIR-00000", "CHAIR-00001", "CHAIR-00002"],
    )
    refused = await api.client.request("QUERY", "/api/v1/items", json={"limit": 3}, headers=headers)
    assert refused.json()["errors"][0]["pointer"] == "/body/limit"


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("member", 403), ("admin", 200), ("owner", 200)])
async def test_administrators_export(api: Running, role: str, status: int) -> None:
    owner, items = await stocked(api, 1)
    person = owner if role == "owner" else await api.member(owner, role)
    assert (await exported(api, person)).status_code == status
    assert len((await api.client.get("/api/v1/items", headers=person.headers)).json()["items"]) == len(items)
    anonymous = await api.client.get("/api/v1/items", headers={"Accept": CSV})
    assert anonymous.status_code == 401


async def test_the_permission_of_the_list_is_needed_too(api: Running) -> None:
    owner = await api.person()
    for url in ("/api/v1/users", "/api/v1/audit/platform"):
        assert (await exported(api, owner, url)).status_code == 403
    administrator = await api.person(platform_admin=True)
    assert rows(await exported(api, administrator, "/api/v1/users?fields=email"))


async def test_no_row_of_another_tenant_is_exported(api: Running) -> None:
    owner, items = await stocked(api)
    other, _ = await stocked(api)
    assert {one["id"] for one in lines(await exported(api, owner, accept=JSONL))} == {one["id"] for one in items}
    foreign = await exported(api, other, f"/api/v1/tenants/{owner.tenant_id}/members")
    assert foreign.status_code == 404


async def test_each_export_is_in_the_audit_trail_before_its_first_row(api: Running) -> None:
    owner, _ = await stocked(api)
    await exported(api, owner, "/api/v1/items?name[contains]=secret&fields=sku")
    trail = await api.client.get("/api/v1/audit?action=export.began", headers=owner.headers)
    assert [one["after"] for one in trail.json()["items"]] == [
        {"list": "/api/v1/items", "format": "csv", "parameters": ["fields", "name[contains]"]}
    ]
    head = await api.client.head("/api/v1/items", headers={**owner.headers, "Accept": CSV})
    assert (head.status_code, head.headers["content-type"], head.content) == (200, "text/csv; charset=utf-8; header=present", b"")
    assert len((await api.client.get("/api/v1/audit?action=export.began", headers=owner.headers)).json()["items"]) == 1


async def test_exports_have_a_limit_of_their_own(shared_migrated: Urls) -> None:
    async with running(settings_on(shared_migrated, rate_limit={})) as limited:
        owner = await limited.person()
        statuses = [(await exported(limited, owner, "/api/v1/items?fields=sku")).status_code for _ in range(LIMIT.burst + 1)]
        assert statuses == [200] * LIMIT.burst + [429]
        assert (await limited.client.get("/api/v1/items", headers=owner.headers)).status_code == 200


@pytest.mark.parametrize("lost", ["role", "session"])
async def test_who_may_no_longer_gets_no_further_row(api: Running, monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    owner, _ = await stocked(api, 6)
    admin = await api.member(owner, "admin")
    monkeypatch.setattr(exports, "PAGE", 1)
    monkeypatch.setattr(exports, "RENEWED_SECONDS", 0.0)
    read, seen = exports.Exports.pages, list[bytes]()

    async def counted(self: Any, *arguments: Any) -> AsyncIterator[bytes]:
        async for part in read(self, *arguments):
            seen.append(part)
            if len(seen) == 2:
                if lost == "role":
                    path = f"/api/v1/tenants/{owner.tenant_id}/members/{admin.id}"
                    changed = await api.client.patch(path, json={"role": "viewer"}, headers={**owner.headers, "If-Match": "*"})
                    assert changed.status_code == 200, changed.text
                else:
                    assert (await api.client.post("/api/v1/auth/logout", json={}, headers=admin.headers)).status_code == 204
                await asyncio.sleep(1)
            yield part

    monkeypatch.setattr(exports.Exports, "pages", counted)
    with pytest.raises(ConnectionAbortedError, match="exports:create" if lost == "role" else "session"):
        await exported(api, admin, accept=JSONL)
    assert len(seen) == 2


async def test_only_so_many_run_at_a_time(api: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, _ = await stocked(api)
    monkeypatch.setattr(exports, "MAX_CONCURRENT", 0)
    refused = await exported(api, owner)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")


@pytest.mark.parametrize(("seconds", "renewals"), [(3600.0, 0), (-1.0, 6)], ids=["a quick export", "a slow one"])
async def test_what_the_caller_may_is_read_again_after_some_time(
    api: Running, monkeypatch: pytest.MonkeyPatch, seconds: float, renewals: int
) -> None:
    owner, items = await stocked(api, 6)
    monkeypatch.setattr(exports, "PAGE", 1)
    monkeypatch.setattr(exports, "RENEWED_SECONDS", seconds)
    renew, renewed = exports.Exports._renew, list[Any]()

    async def counted(self: exports.Exports, scope: Any) -> None:
        renewed.append(scope)
        await renew(self, scope)

    monkeypatch.setattr(exports.Exports, "_renew", counted)
    assert len(lines(await exported(api, owner, accept=JSONL))) == len(items) == 7
    assert len(renewed) == renewals
