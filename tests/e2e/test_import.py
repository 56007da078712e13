"""`api-base import` as a process: killed and resumed, every format, standard input, corrected rows, and malformed files."""

import csv
import json
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import COMMAND, Backend, environment, one_sentence, rows, run, serving, until
from tests.isolation import start

ROWS = 20_000
BY = ("--tenant", "demo", "--as", "admin@example.com")


@pytest.fixture(scope="module")
def served(project: Project) -> Iterator[Backend]:
    with serving(project.home) as backend:
        yield backend.ready()


def rows_of(prefix: str, count: int) -> list[dict[str, str]]:
    """Rows of which every tenth has no category and the last repeats the first."""
    rows = [{"sku": f"{prefix}-{n:06}", "name": f"Thing {n}", "category": "" if n % 10 == 9 else "things"} for n in range(count - 1)]
    return [*rows, rows[0]]


def write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["sku", "name", "category"])
        writer.writeheader()
        writer.writerows(rows)


def kept(home: Path, prefix: str) -> tuple[int, int, int]:
    """The number of items whose sku starts with `prefix`, of their audit records, and of the items in these records."""
    these = f"select id from items where sku like '{prefix}-%'"
    sql = f"select (select count(*) from ({these}) i), count(*), count(distinct entity_id) from audit where entity_id in ({these})"
    ((items, records, audited),) = rows(home, sql)
    return int(items), int(records), int(audited)


def progress(home: Path) -> int:
    """The number of rows that the journal of the running import records as done."""
    for journal in (home / ".api-base" / "imports").glob("*.sqlite"):
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as database:
            try:
                found = database.execute("select row from progress").fetchone()
            except sqlite3.OperationalError:  # it is being created or written
                continue
            if found:
                return int(found[0])
    return 0


@pytest.mark.slow
def test_killed_in_the_middle_and_run_again_it_is_as_if_it_ran_once(served: Backend) -> None:
    home = served.home
    write_csv(home / "killed.csv", rows_of("KILLED", ROWS))
    with (home / "import-output").open("wb") as output:
        first = start([*COMMAND, "import", "items", "killed.csv", *BY], cwd=home, env=environment(), stdout=output)
    until(lambda: progress(home) >= 2000 or first.poll() is not None, "some of the rows")
    first.kill()
    assert first.wait() == -signal.SIGKILL, (home / "import-output").read_text()
    before = kept(home, "KILLED")[0]
    assert 0 < before < ROWS * 9 // 10, "it was killed in the middle"
    good = (ROWS - 1) - (ROWS - 1) // 10
    again = run(home, "import", "items", "killed.csv", *BY)
    counted = re.match(r"(\d+) imported, 0 updated, (\d+) unchanged, (\d+) refused", again.stdout)
    assert counted is not None, again
    assert int(counted[1]) + int(counted[2]) == good
    assert int(counted[2]) <= 1000, "only the chunk between the database's commit and the journal's is met again"
    assert int(counted[3]) == ROWS - good
    assert kept(home, "KILLED") == (good, good, good)
    with (home / "killed.refused.csv").open(newline="", encoding="utf-8") as file:
        numbers = [int(row["_row"]) for row in csv.DictReader(file)]
    assert numbers == [*range(10, ROWS, 10), ROWS]
    assert not list((home / ".api-base" / "imports").glob("*.sqlite"))


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
@pytest.mark.parametrize("piped", [False, True])
def test_every_form_from_a_file_and_from_standard_input(served: Backend, form: str, piped: bool) -> None:
    home, prefix = served.home, f"{form}{piped}"
    rows, path = rows_of(prefix, 30), home / f"{prefix}.{form}"
    if form == "csv":
        write_csv(path, rows)
    else:
        path.write_text(json.dumps(rows) if form == "json" else "\n".join(map(json.dumps, rows)))
    source = ("-", "--format", form) if piped else (path.name,)
    text = path.read_text() if piped else ""
    checked = run(home, "import", "items", *source, *BY, "--dry-run", stdin=text)
    assert checked.stdout.startswith("27 would be imported"), checked
    assert kept(home, prefix) == (0, 0, 0)
    for message in ("27 imported, 0 updated, 0 unchanged, 3 refused", "0 imported, 0 updated, 27 unchanged, 3 refused"):
        done = run(home, "import", "items", *source, *BY, stdin=text)
        assert done.stdout.startswith(message), done
    assert kept(home, prefix) == (27, 27, 27)


def test_refused_rows_can_be_corrected_and_imported_again(served: Backend) -> None:
    home = served.home
    write_csv(home / "some.csv", rows_of("SOME", 30))
    assert "27 imported, 0 updated, 0 unchanged, 3 refused" in run(home, "import", "items", "some.csv", *BY).stdout
    refused = home / "some.refused.csv"
    refused.write_text(refused.read_text().replace(",,", ",found,"))
    again = run(home, "import", "items", refused.name, *BY)
    assert again.stdout.startswith("2 imported, 0 updated, 1 unchanged, 0 refused"), again
    same = run(home, "import", "items", "some.csv", *BY, "--refused", "some.csv")
    assert "some.csv is the file to import" in one_sentence(same)
    assert (home / "some.csv").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "empty"),
        ("latin.csv", "sku,name,category\na,Möbel,c\n".encode("latin-1"), "Line 2 is not UTF-8: it has the byte 0xf6"),
        ("twice.csv", b"sku,name,category,sku\n", "names sku more than once"),
        ("ragged.csv", b"sku,name,category\na,b,c,d\n", "Line 2 has 4 fields where the first line names 3"),
        ("binary.csv", bytes(range(256)), "no column category, name, sku; it has '\\x00\\x01"),
        ("no.json", b'{"sku": "a"}', "one JSON array"),
        ("no.jsonl", b'{"sku": "a"', "Line 1 is not JSON"),
        ("what.xls", b"", "--format"),
    ],
)
def test_a_malformed_file_is_reported_in_one_sentence(served: Backend, name: str, content: bytes, message: str) -> None:
    (served.home / name).write_bytes(content)
    assert message in one_sentence(run(served.home, "import", "items", name, *BY))


def test_an_unreadable_file_is_reported_in_one_sentence(served: Backend) -> None:
    (served.home / "folder.csv").mkdir()
    assert "folder.csv cannot be read: Is a directory" in one_sentence(run(served.home, "import", "items", "folder.csv", *BY))
    assert "nowhere.csv cannot be read: No such file" in one_sentence(run(served.home, "import", "items", "nowhere.csv", *BY))


def test_standard_input_that_is_not_utf_8_is_reported_in_every_locale(served: Backend) -> None:
    done = subprocess.run(
        [*COMMAND, "import", "items", "-", "--format", "csv", *BY], cwd=served.home, env=environment(LC_ALL="C"), check=False,
        input=b"sku,name,category\na,\xff,c\n", capture_output=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"is not UTF-8: it has the byte 0xff" in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_unknown_kind_is_refused_with_the_known_ones(served: Backend) -> None:
    done = run(served.home, "import", "letters", "some.csv", *BY)
    assert one_sentence(done) == "api-base: 'letters' cannot be imported. Choose from items, members.\n"
