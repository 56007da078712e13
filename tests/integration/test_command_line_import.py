"""`api-base import` in process: its progress belongs to the database that it is about, and no local file is trusted."""

import asyncio
import csv
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import pytest

from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.imports import ImportedElsewhere
from api_base.application.common.importing.report import Report
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded import Urls
from api_base.operations.file_import import ImportOptions, import_file
from tests.application import Person, running, settings_on

ROWS, REFUSED = 2200, 220
"""Every tenth row has no category."""


class Killed(Exception):
    """Stands for the end of the process."""


@dataclass(frozen=True)
class Shell:
    """A user of a database, and the file to import."""

    urls: Urls
    person: Person
    options: ImportOptions

    async def run(self, show: Callable[[int, int, Report], None] = lambda *_: None, **options: object) -> Report:
        chosen = replace(self.options, **options)
        return (await import_file(settings_on(self.urls), BUILT_IN, chosen, show)).report

    async def interrupted(self, **options: object) -> None:
        """Break off after the second chunk is saved."""

        def show(read: int, size: int, report: Report) -> None:
            if report.rows >= 2000:
                raise Killed

        with pytest.raises(Killed):
            await self.run(show, **options)

    async def value(self, sql: str) -> int:
        connection = await asyncpg.connect(self.urls.owner)
        try:
            return int(await connection.fetchval(sql))
        finally:
            await connection.close()

    @property
    def refused_rows(self) -> list[int]:
        with self.options.refused_path.open(newline="", encoding="utf-8-sig") as file:
            return [int(row["_row"]) for row in csv.DictReader(file)]


@asynccontextmanager
async def shell(urls: Urls, folder: Path) -> AsyncIterator[Shell]:
    lines = [f"S-{n:05},Thing,{'' if n % 10 == 9 else 'things'}" for n in range(ROWS)]
    file = folder / "some.csv"
    file.write_text("\n".join(["sku,name,category", *lines]))
    async with running(settings_on(urls)) as api:
        person = await api.person()
    options = ImportOptions(
        kind="items", file=str(file), tenant=str(person.tenant_id), email=person.email, maps=(), constants=(), format=None,
        dialect=Dialect(), refused=folder / "some.refused.csv", dry_run=False, resume=True,
    )  # fmt: skip
    yield Shell(urls, person, options)


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.unchanged, report.refused


WHOLE = (ROWS - REFUSED, 0, 0, REFUSED)


@pytest.mark.slow
async def test_an_interrupted_import_continues_exactly_and_another_database_has_its_own_progress(
    two_migrated: tuple[Urls, Urls], tmp_path: Path
) -> None:
    (tmp_path / "b").mkdir()
    async with shell(two_migrated[0], tmp_path) as a, shell(two_migrated[1], tmp_path / "b") as b:
        shutil.copy(a.options.file, b.options.file)
        await a.interrupted()
        assert await a.value("select count(*) from items") == 1800
        assert counts(await b.run(file=a.options.file)) == WHOLE, "what database A holds does not count"
        assert await b.value("select count(*) from items") == ROWS - REFUSED
        moved = shutil.move(a.options.file, tmp_path / "moved.csv")
        assert counts(await a.run(file=str(moved))) == WHOLE, "the content identifies the file"
        assert await a.value("select count(*) from items") == ROWS - REFUSED
        assert a.refused_rows == b.refused_rows == list(range(10, ROWS + 1, 10))
        assert counts(await a.run(file=str(moved))) == (0, 0, ROWS - REFUSED, REFUSED)
        assert await a.value("select count(*) from imports where source is not null or rows_done <> 2200") == 0


def change_content(file: Path) -> None:
    """Nothing but the content shows the change."""
    stat = file.stat()
    file.write_text(file.read_text().replace("S-00001", "T-00001"))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.slow
@pytest.mark.parametrize("change", ["content", "mapping", "no resume"])
async def test_another_import_starts_at_its_first_row(migrated: Urls, tmp_path: Path, change: str) -> None:
    async with shell(migrated, tmp_path) as at:
        await at.interrupted()
        if change == "content":
            change_content(Path(at.options.file))
            assert counts(await at.run()) == (ROWS - REFUSED - 1800 + 1, 0, 1799, REFUSED)
        elif change == "mapping":
            assert counts(await at.run(constants=("description=x",))) == (ROWS - REFUSED - 1800, 1800, 0, REFUSED)
        else:
            assert counts(await at.run(resume=False)) == (ROWS - REFUSED - 1800, 0, 1800, REFUSED)
        assert at.refused_rows == list(range(10, ROWS + 1, 10))


REPLACED = {
    "absent": None,
    "empty": b"",
    "cut off": lambda whole: whole[:100],
    "changed": lambda whole: whole.replace(b"Thing", b"Thinh", 1),
    "longer": lambda whole: whole + b"mine\r\n",
    "other": b"some text of mine",
}


@pytest.mark.slow
@pytest.mark.parametrize("left", REPLACED)
async def test_a_refused_file_that_is_not_as_it_was_left_is_not_continued(migrated: Urls, tmp_path: Path, left: str) -> None:
    async with shell(migrated, tmp_path) as at:
        await at.interrupted()
        whole, content = at.options.refused_path.read_bytes(), REPLACED[left]
        at.options.refused_path.unlink()
        if content is not None:
            at.options.refused_path.write_bytes(content(whole) if callable(content) else content)
        with pytest.raises(ConfigurationError, match="some.refused.csv is not as the interrupted import left it. Put it back, or"):
            await at.run()
        assert await at.value("select count(*) from items") == 1800
        at.options.refused_path.write_bytes(whole)
        assert counts(await at.run()) == WHOLE
        assert at.refused_rows == list(range(10, ROWS + 1, 10))


@pytest.mark.slow
async def test_the_refused_rows_of_the_last_chunk_are_completed_from_the_database(migrated: Urls, tmp_path: Path) -> None:
    """The process ended after the commit of a chunk and before its refused rows were written, or in the middle of them."""
    async with shell(migrated, tmp_path) as at:
        await at.interrupted()
        whole = at.options.refused_path.read_bytes()
        size = await at.value("select refused_file->>'size' from imports where source is not null")
        assert 0 < size < len(whole)
        for length in (size, size + 11):
            at.options.refused_path.write_bytes(whole[:length])
            await at.interrupted()
            assert at.options.refused_path.read_bytes() == whole
        assert counts(await at.run()) == WHOLE
        assert at.refused_rows == list(range(10, ROWS + 1, 10))


async def test_a_dry_run_leaves_an_interrupted_import_alone(migrated: Urls, tmp_path: Path) -> None:
    async with shell(migrated, tmp_path) as at:
        await at.interrupted()
        with pytest.raises(ConfigurationError, match="--dry-run: an import of this file was interrupted after row 2000"):
            await at.run(dry_run=True)
        assert counts(await at.run()) == WHOLE


@pytest.mark.slow
async def test_two_imports_of_one_file_at_once(migrated: Urls, tmp_path: Path) -> None:
    """The second one is refused by the refused file; with another refused file, the database lets only one of them continue."""
    async with shell(migrated, tmp_path) as at:
        other = tmp_path / "other.csv"

        seen: list[str] = []

        def meanwhile(read: int, size: int, report: Report) -> None:
            if report.rows == 1000 and not seen:
                seen.append(str(asyncio.run_coroutine_threadsafe(outcome(), loop).result()))

        async def outcome() -> list[str]:
            results = []
            for options in ({}, {"refused": other}):
                try:
                    results.append(str(counts(await at.run(**options))))
                except (ConfigurationError, ImportedElsewhere) as error:
                    results.append(str(error))
            return results

        loop = asyncio.get_running_loop()
        with pytest.raises(ImportedElsewhere):
            await at.run(meanwhile)
        assert "is in use by another import" in seen[0]
        assert str(WHOLE) in seen[0], "the second one continued, so the first one stopped"
        assert await at.value("select count(*) from items") == ROWS - REFUSED
        assert counts(await at.run()) == (0, 0, ROWS - REFUSED, REFUSED)


async def test_a_file_that_changes_meanwhile_is_one_sentence(migrated: Urls, tmp_path: Path) -> None:
    async with shell(migrated, tmp_path) as at:

        def change(read: int, size: int, report: Report) -> None:
            if report.rows == 1000:
                with Path(at.options.file).open("a") as file:
                    file.write("\n")

        with pytest.raises(ConfigurationError, match="some.csv changed while it was imported. Run the command again"):
            await at.run(change)
        assert await at.value("select count(*) from items") == 900
        assert counts(await at.run()) == (ROWS - REFUSED - 900, 0, 900, REFUSED)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["text", "folder", "nowhere/r.csv", "pipe"])
async def test_a_refused_file_that_cannot_be_written_is_one_sentence(migrated: Urls, tmp_path: Path, place: str) -> None:
    async with shell(migrated, tmp_path) as at:
        (tmp_path / "text").write_text("sku,name\n")
        (tmp_path / "folder").mkdir()
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ConfigurationError, match=re.escape(f"--refused: {tmp_path / place} ")):
            await at.run(refused=tmp_path / place)
        assert (tmp_path / "text").read_text() == "sku,name\n"
        assert await at.value("select count(*) from items") == 0


async def test_a_pipe_is_imported(shared_migrated: Urls, tmp_path: Path) -> None:
    """Such as `<(gzip -dc items.csv.gz)` of a shell: it can be read once only."""
    async with shell(shared_migrated, tmp_path) as here:
        reading, writing = os.pipe()
        filled = asyncio.create_task(asyncio.to_thread(copied, here.options.file, writing))
        report = await here.run(file=f"/dev/fd/{reading}", format="csv")
        await filled
        os.close(reading)
        assert counts(report) == WHOLE


def copied(file: str, writing: int) -> None:
    with open(file, "rb") as content, os.fdopen(writing, "wb") as pipe:
        shutil.copyfileobj(content, pipe)
