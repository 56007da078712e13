"""Importing a stored file: refused immediately with what is wrong, imported by a job, continued where it ended."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.worker import BASE_PRUNES, create_worker
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.pruner import Pruner
from api_base.infrastructure.importing.tables import IMPORTS
from api_base.serving.worker import run_worker
from tests.application import Person, Running, running, settings_on

CSV = "text/csv"
JSON = "application/json"
ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Desk:
    """An application, who imports there, and a worker to be had."""

    api: Running
    urls: Urls
    person: Person
    path: str = "/api/v1/items/imports"
    contexts: Sequence[Context] = BUILT_IN

    async def send(self, content: str | bytes, options: str = "", media_type: str = CSV) -> httpx2.Response:
        """Upload the content, and ask for its import."""
        file = await self.api.uploaded(self.person, content if isinstance(content, bytes) else content.encode(), media_type)
        return await self.ask(file, options)

    async def ask(self, file: str, options: str = "", **headers: str) -> httpx2.Response:
        """Ask for the import of a file. `options` have the form of a query."""
        return await self.api.client.post(self.path, json=body_of(file, options), headers={**self.person.headers, **headers})

    async def started(self, content: str | bytes, options: str = "", media_type: str = CSV) -> str:
        """Where the job is."""
        answer = await self.send(content, options, media_type)
        assert answer.status_code == 202, answer.text
        assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['job_id']}"
        location: str = answer.headers["location"]
        return location

    async def job(self, location: str) -> dict[str, Any]:
        answer = await self.api.client.get(location, headers=self.person.headers)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def ended(self, location: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while (job := await self.job(location))["state"] not in ENDED:
                await asyncio.sleep(0.05)
        return job

    async def imported(self, content: str | bytes, options: str = "", media_type: str = CSV) -> dict[str, Any]:
        """The job, carried out by a worker."""
        location = await self.started(content, options, media_type)
        async with self.worker():
            return await self.ended(location)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        work = asyncio.create_task(run_worker(create_worker(self.api.services.settings, self.contexts, ("jobs",)), self.urls, stop))
        try:
            yield
        finally:
            stop.set()
            await work

    async def rows(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.urls.owner)
        try:
            return await connection.fetch(sql, *arguments)
        finally:
            await connection.close()


def body_of(file: str, options: str) -> dict[str, Any]:
    body: dict[str, Any] = {"file_id": file}
    for name, value in parse_qsl(options, keep_blank_values=True):
        if name in ("map", "set"):
            body.setdefault(name, []).append(value)
        else:
            body[name] = value != "false" if name == "header" else value
    return body


@asynccontextmanager
async def desk(urls: Urls) -> AsyncIterator[Desk]:
    async with running(settings_on(urls)) as api:
        yield Desk(api, urls, await api.person())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def refusing_desk(shared_migrated: Urls) -> AsyncIterator[Desk]:
    """One desk for all tests of what starts no import."""
    async with desk(shared_migrated) as at:
        yield at


def table(*skus: str, category: str = "things") -> str:
    return "sku,name,category\n" + "".join(f"{sku},Thing,{category}\n" for sku in skus)


@pytest.mark.slow
async def test_a_file_of_each_form_is_imported_by_its_mapping(migrated: Urls) -> None:
    records = [{"id": f"J-{n}", "Title": f"Film {n}", "Genre": "Drama, Crime", "year": 1931} for n in range(2)]
    query = "map=sku=id&map=name=Title&map=category=Genre[0]&map=tags=Genre[]&map=attributes.year=year&set=price=9.90&set=currency=EUR"
    async with desk(migrated) as at:
        for form, content in {
            "application/json": json.dumps(records),
            "application/jsonl": "\n".join(map(json.dumps, records)).replace("J-", "L-"),
            "application/x-ndjson": "\n".join(map(json.dumps, records)).replace("J-", "N-"),
            "text/csv": "\ufeffid,Title,Genre,year\n" + "".join(f'C-{n},Film {n},"Drama, Crime",1931\n' for n in range(2)),
        }.items():
            job = await at.imported(content, query, form)
            counts = {"rows": 2, "created": 2, "updated": 0, "unchanged": 0, "refused": 0, "refused_rows": []}
            assert (job["name"], job["state"], job["progress"], job["result"]) == ("items.import", "succeeded", 100, counts)
        page = await at.api.client.get("/api/v1/items?limit=200", headers=at.person.headers)
        items = page.json()["items"]
        assert {item["sku"] for item in items} == {f"{form}-{n}" for form in "JLNC" for n in range(2)}
        assert {(item["category"], tuple(item["tags"]), item["price"]["amount"]) for item in items} == {
            ("Drama", ("Drama", "Crime"), "9.90")
        }


async def test_counts_and_refused_rows_are_told(migrated: Urls) -> None:
    async with desk(migrated) as at:
        await at.imported(table("A", "B"))
        job = await at.imported("sku,name,category\nA,Thing,things\nB,Other,things\nC,Thing,\nD,Thing,things\nD,Thing,things\n")
        assert job["result"] == {
            "rows": 5,
            "created": 1,
            "updated": 1,
            "unchanged": 1,
            "refused": 2,
            "refused_rows": [
                {"row": 3, "reason": "category must not be blank"},
                {"row": 5, "reason": "sku must be unique in the file: 'D' is in row 4 already"},
            ],
        }


async def test_the_first_thousand_refused_rows_are_told_and_all_are_counted(migrated: Urls) -> None:
    async with desk(migrated) as at:
        job = await at.imported(table(*(f"S-{n}" for n in range(2100)), category=""))
        assert (job["result"]["refused"], job["result"]["created"]) == (2100, 0)
        assert [one["row"] for one in job["result"]["refused_rows"]] == list(range(1, 1001))
        [row] = await at.rows("select refused, jsonb_array_length(refused_rows) as kept from imports")
        assert (row["refused"], row["kept"]) == (2100, 1000)


@pytest.mark.parametrize(
    ("content", "query", "media_type", "status", "detail"),
    [
        (table("A"), "map=sku=nowhere&map=name=name&map=category=category", CSV, 422, "no column nowhere; it has sku, name, category"),
        (table("A"), "map=sku=sku&map=name=name", CSV, 422, "The mapping does not set category"),
        (table("A"), "map=colour=name", CSV, 422, "'colour' in 'colour=name' is not a target"),
        (table("A"), "set=price", CSV, 422, "'price' is not of the form target=value"),
        (table("A"), "map=" + "x" * 501, CSV, 422, "/body/map/0: must have at most 500"),
        ("", "", CSV, 422, "The file is empty"),
        ("sku,name,sku,category\nA,b,c,d\n", "", CSV, 422, "several columns with the name sku"),
        ("{}", "", JSON, 422, "must be one JSON array of objects"),
        ('{"a": [{}], "b": [{}]}', "", JSON, 422, "It has several: a, b"),
        ("[]", "items=data", JSON, 422, "The file has no member 'data', which items names"),
        ("a" + "," * 20_000, "", CSV, 422, "Line 1 has 20001 columns; at most 16384 are allowed"),
        (table("A"), "header=false", CSV, 422, "no column category, name, sku; it has 1, 2, 3"),
        (table("A"), "set=price=abc", CSV, 422, "price=abc: must be decimal text"),
        (table("A"), "", "text/plain", 422, "format: is required, because the file is text/plain: write csv, json, jsonl"),
        (table("A"), "encoding=koi8-r", CSV, 422, "encoding must be one of utf-8"),
        (table("A"), "format=xml", CSV, 422, "/body/format: must be 'csv', 'json' or 'jsonl'"),
        (table("A"), "&".join(f"map=sku={number}" for number in range(101)), CSV, 422, "/body/map: must have at most 100 items"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_wrong_at_a_glance_is_told_at_once(
    refusing_desk: Desk, content: str, query: str, media_type: str, status: int, detail: str
) -> None:
    answer = await refusing_desk.send(content, query, media_type)
    assert (answer.status_code, detail in answer.json()["detail"]) == (status, True), answer.text
    assert await refusing_desk.rows("select id from imports") == []
    assert await refusing_desk.rows("select id from jobs where name <> 'files.check'") == []


async def test_a_file_that_breaks_off_is_imported_up_to_there(migrated: Urls) -> None:
    async with desk(migrated) as at:
        records = [{"sku": sku, "name": "Thing", "category": "things"} for sku in "AB"]
        job = await at.imported(json.dumps(records)[:-1] + ', {"sku": "C', "", JSON)
        assert job["state"] == "failed"
        assert (
            job["error"]
            == "The file ends within element 3. Of the 2 rows before that, 2 were created, 0 updated, 0 unchanged and 0 refused."
        )
        assert [row["sku"] for row in await at.rows("select sku from items order by sku")] == ["A", "B"]


async def test_a_row_that_cannot_be_read_is_refused_and_the_others_are_imported(migrated: Urls) -> None:
    async with desk(migrated) as at:
        job = await at.imported('sku,name,category\nA\nB,Thing,things\nC,"Thing,things\nD,Thing,things,more\nE,Thing,things\n')
        assert job["result"] == {
            "rows": 5,
            "created": 2,
            "updated": 0,
            "unchanged": 0,
            "refused": 3,
            "refused_rows": [
                {"row": 1, "reason": "has 1 field where the first line has 3"},
                {"row": 3, "reason": "has a quote that is not closed"},
                {"row": 4, "reason": "has 4 fields where the first line has 3"},
            ],
        }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "options", "form", "read_as"),
    [
        ("sku;name;category;price;currency\nA;Möbel;x;1.234,50;EUR\n".encode("cp1252"), "", "text/csv", "semicolon, windows-1252, decimal comma"),
        ("sku\tname\tcategory\tprice\tcurrency\nA\tMöbel\tx\t1234.5\tEUR\n".encode("utf-16"), "", "text/csv", "tab, utf-16"),
        ("A^Möbel^x^1234,50^EUR\n".encode("cp1252"),
         "delimiter=%5E&quote=none&decimal=comma&header=false&encoding=ISO-8859-1&map=sku=1&map=name=2&map=category=3&map=price=4&map=currency=5",
         "text/csv", "^, windows-1252, no quotes, decimal comma, no header"),
        (json.dumps({"page": 1, "data": [{"sku": "A", "name": "Möbel", "category": "x", "price": 1234.5, "currency": "EUR"}]}).encode(),
         "", "application/json", "utf-8, items data"),
        (json.dumps({"r": {"a": [{"sku": "A", "name": "Möbel", "category": "x", "price": "1234.50", "currency": "EUR"}], "b": [{}]}}).encode(),
         "items=r.a", "application/json", "utf-8, items r.a"),
    ],
)  # fmt: skip
async def test_a_dialect_is_detected_or_set_and_reported(
    migrated: Urls, content: bytes, options: str, form: str, read_as: str
) -> None:  # fmt: skip
    async with desk(migrated) as at:
        answer = await at.send(content, options, form)
        assert (answer.status_code, answer.json()["read_as"]) == (202, read_as), answer.text
        async with at.worker():
            assert (await at.ended(answer.headers["location"]))["result"]["created"] == 1
        assert [tuple(row) for row in await at.rows("select sku, name, price_minor from items")] == [("A", "Möbel", 123450)]


async def test_a_key_is_for_one_request(migrated: Urls) -> None:
    async with desk(migrated) as at:
        file, key = await at.api.uploaded(at.person, table("A").encode()), {"Idempotency-Key": "one"}
        assert (await at.ask(file, **key)).status_code == 202
        answer = await at.ask(file, "format=jsonl", **key)
        assert answer.status_code == 422, answer.text


async def test_sent_again_with_its_key_it_is_one_job(migrated: Urls) -> None:
    async with desk(migrated) as at:
        file, key = await at.api.uploaded(at.person, table("A").encode()), {"Idempotency-Key": "one"}
        first, second = [(await at.ask(file, **key)).headers["location"] for _ in range(2)]
        assert first == second
        jobs = await at.rows("select id from jobs where name = 'items.import'")
        assert len(jobs) == len(await at.rows("select id from imports")) == 1


async def test_imports_do_not_take_the_threads_that_the_storage_needs_for_them(migrated: Urls) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    async with desk(migrated) as at, asyncio.timeout(60):
        files = [await at.api.uploaded(at.person, table(f"A{number}").encode()) for number in range(3)]
        answers = await asyncio.gather(*map(at.ask, files))
        async with at.worker():
            ended = await asyncio.gather(*(at.ended(answer.headers["location"]) for answer in answers))
        assert [job["result"]["created"] for job in ended] == [1, 1, 1]


async def test_a_file_is_imported_as_often_as_asked(migrated: Urls) -> None:
    async with desk(migrated) as at:
        file = await at.api.uploaded(at.person, table("A", "B").encode())
        async with at.worker():
            results = [(await at.ended((await at.ask(file)).headers["location"]))["result"] for _ in range(2)]
        assert [(result["created"], result["unchanged"]) for result in results] == [(2, 0), (0, 2)]


async def test_a_foreign_file_is_answered_as_a_random_one(migrated: Urls) -> None:
    async with desk(migrated) as at:
        files = (await at.api.uploaded(await at.api.person(), table("A").encode()), str(uuid4()))
        answers = [await at.ask(file) for file in files]
        assert [(answer.status_code, answer.json()["detail"]) for answer in answers] == [
            (422, "/body/file_id: must be the id of a file of the tenant")
        ] * 2


async def test_an_import_whose_file_is_deleted_fails_with_the_reason(migrated: Urls) -> None:
    async with desk(migrated) as at:
        file = await at.api.uploaded(at.person, table("A").encode())
        location = (await at.ask(file)).headers["location"]
        deleted = await at.api.client.delete(f"/api/v1/files/{file}", headers={**at.person.headers, "If-Match": "*"})
        assert deleted.status_code == 204, deleted.text
        async with at.worker():
            job = await at.ended(location)
        assert (job["state"], job["error"]) == ("failed", f"No file with the id {file} exists.")


@pytest.mark.slow
async def test_the_encoding_is_that_of_the_whole_file_not_of_its_beginning(migrated: Urls) -> None:
    """The only byte that is not ASCII follows more than the megabyte that the request reads."""
    rows = "".join(f"S-{number},Thing,things,{'x' * 4000}\n" for number in range(400))
    async with desk(migrated) as at:
        answer = await at.send(f"sku,name,category,description\n{rows}LAST,Möbel,things,\n".encode("cp1252"))
        assert answer.json()["read_as"] == "comma, utf-8"
        async with at.worker():
            assert (await at.ended(answer.headers["location"]))["result"]["created"] == 401
        assert [row["name"] for row in await at.rows("select name from items where sku = 'LAST'")] == ["Möbel"]


async def test_an_import_goes_on_where_its_journal_ends(migrated: Urls) -> None:
    """What is done is neither done nor counted again, and skus that stood in it are known."""
    async with desk(migrated) as at:
        location = await at.started(table("A", "B", "A", "C"))
        await at.rows("update imports set rows_done = 2, created = 2")
        async with at.worker():
            job = await at.ended(location)
        result = job["result"]
        assert (result["rows"], result["created"], result["refused"]) == (4, 3, 1)
        assert result["refused_rows"] == [{"row": 3, "reason": "sku must be unique in the file: 'A' is in row 1 already"}]
        assert [row["sku"] for row in await at.rows("select sku from items")] == ["C"]


async def test_one_that_was_done_and_not_noted_as_a_job_has_its_result(migrated: Urls) -> None:
    async with desk(migrated) as at:
        first = await at.imported(table("A", "B", "B"))
        assert [row["file_id"] for row in await at.rows("select file_id from imports")] == [None]
        await at.rows("update jobs set state = 'ready', result = null, finished_at = null where name = 'items.import'")
        async with at.worker():
            again = await at.ended(f"/api/v1/jobs/{first['id']}")
        assert again["result"] == first["result"]


async def test_a_cancelled_import_stops_between_chunks(migrated: Urls) -> None:
    async with desk(migrated) as at:
        location = await at.started(table(*(f"S-{n}" for n in range(9000))))
        async with at.worker():
            async with asyncio.timeout(30):
                while (await at.job(location))["progress"] == 0:
                    await asyncio.sleep(0.005)
            assert (await at.api.client.delete(location, headers=at.person.headers)).status_code == 204
            done = await at.rows("select rows_done, created, (select count(*) from items) as items from imports")
        [row] = await at.rows("select rows_done, created, (select count(*) from items) as items from imports")
        assert row == done[0], "nothing was done after the answer"
        assert row["rows_done"] == row["created"] == row["items"] < 9000
        assert (await at.job(location))["state"] == "cancelled"
        assert (await at.api.client.delete(location, headers=at.person.headers)).status_code == 409


async def test_what_nobody_imports_is_cleared_away(migrated: Urls) -> None:
    async with desk(migrated) as at:
        old, new = await at.started(table("A")), await at.started(table("B"))
        await at.rows("update imports set created_at = now() - interval '8 days' where created_at = (select min(created_at) from imports)")
        database = at.api.services.container.worker_database
        await database.open()
        try:
            await Pruner(database, next(prune for prune in BASE_PRUNES if prune.table is IMPORTS)).run()
        finally:
            await database.close()
        async with at.worker():
            lost, done = await at.ended(old), await at.ended(new)
        assert (lost["state"], done["state"]) == ("failed", "succeeded")
        assert lost["error"].startswith("No import with the id")
