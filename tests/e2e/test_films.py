"""The films of the README beside a running server: imported, refused with reasons, unchanged when imported again, and found over HTTP."""

import csv
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.e2e.conftest import Project
from tests.e2e.documentation import README, TELL_TOKEN, answers, blocks, checkout, paste
from tests.e2e.processes import Backend, rows, run, serving

FILMS, GOOD, WITHOUT_GENRE, TWICE = 17_472, 17_027, 443, 2
IMPORT, SWITCH_AND_LIST = (block.commands for block in blocks("sh", README, "The main job, on real input"))
WRITE, READ = IMPORT.split("\n", 1)
ARGUMENTS = shlex.split(READ.replace("\\\n", " "))[1:]
OPTIONS = ARGUMENTS[ARGUMENTS.index("--map") :]


@pytest.fixture(scope="module")
def reader(project: Project) -> Iterator[Project]:
    """The project with the file of films in its folder."""
    checkout(project.home)
    paste(WRITE, project.home)
    yield project


@pytest.mark.slow
def test_the_films(reader: Project) -> None:
    home = reader.home
    with serving(home) as backend:
        token = reader.log_in(backend.ready())
        checked = run(home, *ARGUMENTS, "--dry-run")
        assert f"{GOOD} would be imported" in checked.stdout, checked.stderr
        assert f"{GOOD} imported, 0 updated, 0 unchanged, {FILMS - GOOD} refused" in paste(READ, home)
        check_refused(home / "films.refused.csv")
        assert (recorded := audited(home)) == GOOD
        assert f"0 imported, 0 updated, {GOOD} unchanged, {FILMS - GOOD} refused" in paste(READ, home)
        assert audited(home) == recorded, "unchanged rows leave no record"
        dramas, found, token = answers(paste(SWITCH_AND_LIST + TELL_TOKEN, home, port=backend.port, TOKEN=token))
        assert [sorted(item) for item in dramas["items"]] == [["name", "sku"]] * 10
        assert any("Godfather" in item["name"] for item in found["items"])
        check_http(backend, token)


def audited(home: Path) -> int:
    """The number of audit records of items."""
    return int(rows(home, "select count(*) from audit where entity = 'item'")[0][0])


def check_refused(path: Path) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        reasons = [row["_reason"] for row in csv.DictReader(file)]
    assert len(reasons) == WITHOUT_GENRE + TWICE
    assert sum(reason == "category must not be blank" for reason in reasons) == WITHOUT_GENRE
    assert sum("already" in reason for reason in reasons) == TWICE


def check_http(backend: Backend, token: str) -> None:
    path = "/api/v1/items?limit=200&sort=sku&include_total=true&fields=sku"
    seen: list[str] = []
    cursor = ""
    while True:
        status, page = backend.request("GET", path + cursor, token=token)
        assert status == 200
        assert page["total"] == GOOD
        seen += [item["sku"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen)) == GOOD
    assert seen == sorted(seen)
    _, dramas = backend.request("GET", "/api/v1/items?category=Drama&price.currency=EUR&price.amount[le]=9.90", token=token)
    assert {item["category"] for item in dramas["items"]} == {"Drama"}
    assert dramas["items"][0]["price"] == {"amount": "9.90", "currency": "EUR"}
    _, found = backend.request("GET", f"/api/v1/items?q={quote('the GODFATHER')}", token=token)
    assert any("Godfather" in item["name"] for item in found["items"])


@pytest.mark.slow
def test_invalid_arguments_are_reported_in_one_sentence(reader: Project) -> None:
    for arguments, message in (
        (("--tenant", "nowhere", "--as", "admin@example.com", "--map", "sku=imdbID"), "category"),
        (("--tenant", "nowhere", "--as", "admin@example.com", *OPTIONS), "nowhere"),
        (("--tenant", "demo", "--as", "nobody@example.com", *OPTIONS), "nobody@example.com"),
        (
            ("--tenant", "demo", "--as", "admin@example.com", "--map", "sku=x", "--map", "name=Title", "--map", "category=Genre"),
            "no column x",
        ),
    ):
        done = run(reader.home, "import", "items", "films.csv", *arguments)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr
