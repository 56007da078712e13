"""`api-base import` as a process: killed and resumed, every format, standard input, corrected rows, and malformed files."""

import csv
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import COMMAND, Backend, environment, one_sentence, rows, run, serving, until
from tests.isolation import start, unmeasured

pytestmark = pytest.mark.slow

ROWS = 20_000
LIMIT = 6000
LIMITED = f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT}, {LIMIT}))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
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
    """The number of rows that the database records as done for the running import."""
    [[done]] = rows(home, "select coalesce(max(rows_done), 0) from imports where source is not null")
    return int(done)


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
    assert (int(counted[1]), int(counted[2])) == (good, 0), "progress and rows were committed together"
    assert int(counted[3]) == ROWS - good
    assert kept(home, "KILLED") == (good, good, good)
    with (home / "killed.refused.csv").open(newline="", encoding="utf-8-sig") as file:
        numbers = [int(row["_row"]) for row in csv.DictReader(file)]
    assert numbers == [*range(10, ROWS, 10), ROWS]
    assert progress(home) == 0
    assert not (home / ".api-base" / "imports").exists(), "nothing is kept beside the database"


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
    refused.write_text(refused.read_text(encoding="utf-8").replace(",,", ",found,"), encoding="utf-8")
    again = run(home, "import", "items", refused.name, *BY)
    assert again.stdout.startswith("2 imported, 0 updated, 1 unchanged, 0 refused"), again
    same = run(home, "import", "items", "some.csv", *BY, "--refused", "some.csv")
    assert "some.csv is the file to import" in one_sentence(same)
    assert (home / "some.csv").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "empty"),
        ("twice.csv", b"sku,name,category,sku\n", "several columns with the name sku"),
        ("binary.csv", bytes(range(256)), "no column category, name, sku; it has '\\x00\\x01"),
        ("no.json", b'{"sku": "a"}', "one JSON array"),
        ("half.json", b'[{"sku": "a"', "The file ends within element 1"),
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
    content = b"sku,name,category\nLATIN-1,M\xf6bel,c\n"
    for options, message in (
        ((), b"1 imported, 0 updated, 0 unchanged, 0 refused\nread as: comma, windows-1252\n"),
        (("--encoding", "utf-8"), b"0 imported, 0 updated, 0 unchanged, 1 refused\nread as: comma, utf-8\n"),
    ):
        done = subprocess.run(
            [*COMMAND, "import", "items", "-", "--format", "csv", *BY, *options], cwd=served.home, env=environment(LC_ALL="C"),
            check=True, input=content, capture_output=True,
        )  # fmt: skip
        assert done.stdout.startswith(message), done
    assert "is not UTF-8: it has the byte 0xf6" in (served.home / "stdin.refused.csv").read_text(encoding="utf-8-sig")
    assert rows(served.home, "select name from items where sku = 'LATIN-1'") == [["Möbel"]]


def test_a_full_disk_is_one_sentence_and_the_import_continues(served: Backend) -> None:
    """A limit on the size of files stands for the disk."""
    home = served.home
    write_csv(home / "full.csv", rows_of("FULL", 2500))
    whole = [sys.executable, "-c", LIMITED, *COMMAND[1:], "import", "items", "full.csv", *BY]
    full = subprocess.run(
        whole, cwd=home, env=unmeasured(), text=True, capture_output=True, check=False
    )  # its data file would be limited as well
    assert "--refused: full.refused.csv cannot be written: File too large. Run the command again" in one_sentence(full)
    assert (home / "full.refused.csv").stat().st_size == LIMIT
    again = run(home, "import", "items", "full.csv", *BY)
    assert again.stdout.startswith("2250 imported, 0 updated, 0 unchanged, 250 refused"), again
    with (home / "full.refused.csv").open(newline="", encoding="utf-8-sig") as file:
        assert [int(row["_row"]) for row in csv.DictReader(file)] == [*range(10, 2500, 10), 2500]


def test_an_unknown_kind_is_refused_with_the_known_ones(served: Backend) -> None:
    done = run(served.home, "import", "letters", "some.csv", *BY)
    assert one_sentence(done) == "api-base: 'letters' cannot be imported. Choose from items, members.\n"
