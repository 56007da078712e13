"""The films of the README, beside a running server: imported, refused with their reasons, unchanged when imported again, and found over HTTP."""

import csv
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from tests.e2e.conftest import Project
from tests.e2e.processes import Backend, run, serving

SCRIPT = Path(__file__).parents[2] / "examples" / "films_csv.py"
FILMS, GOOD, WITHOUT_GENRE, TWICE = 17_472, 17_027, 443, 2
ATTRIBUTES = {"year": "Year", "runtime": "Runtime", "director": "Director", "cast": "Cast", "language": "Language", "country": "Country"}
MAPS = [
    "sku=imdbID",
    "name=Title",
    "category=Genre[0]",
    "tags=Genre[]",
    *(f"attributes.{name}={column}" for name, column in ATTRIBUTES.items()),
]
OPTIONS = [
    *("--tenant", "demo", "--as", "admin@example.com"),
    *(part for text in MAPS for part in ("--map", text)),
    *("--set", "price=9.90", "--set", "currency=EUR"),
]


def films(home: Path) -> str:
    subprocess.run([sys.executable, SCRIPT, "films.csv"], cwd=home, check=True)
    return "films.csv"


def test_the_films(project: Project) -> None:
    file = films(project.home)
    with serving(project.home) as backend:
        backend.ready()
        checked = run(project.home, "import", "items", file, *OPTIONS, "--dry-run")
        assert f"{GOOD} would be imported" in checked.stdout, checked.stderr
        done = run(project.home, "import", "items", file, *OPTIONS)
        assert f"{GOOD} imported, 0 updated, 0 unchanged, {FILMS - GOOD} refused" in done.stdout, done.stderr
        check_refused(project.home / "films.refused.csv")
        assert (recorded := audited(project.home)) == GOOD
        again = run(project.home, "import", "items", file, *OPTIONS)
        assert f"0 imported, 0 updated, {GOOD} unchanged, {FILMS - GOOD} refused" in again.stdout, again.stderr
        assert audited(project.home) == recorded, "unchanged rows leave no record"
        check_http(backend, demo_token(project, backend))


def audited(home: Path) -> int:
    """How many records the audit trail has of items."""
    done = run(home, "db", "shell", stdin="\\pset tuples_only on\nselect count(*) from audit where entity = 'item';\n")
    return int(done.stdout.split()[-1])


def check_refused(path: Path) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        reasons = [row["_reason"] for row in csv.DictReader(file)]
    assert len(reasons) == WITHOUT_GENRE + TWICE
    assert sum(reason == "category must not be blank" for reason in reasons) == WITHOUT_GENRE
    assert sum("already" in reason for reason in reasons) == TWICE


def demo_token(project: Project, backend: Backend) -> str:
    token = project.log_in(backend)
    _, tenants = backend.request("GET", "/api/v1/tenants", token=token)
    demo = next(tenant["id"] for tenant in tenants["items"] if tenant["slug"] == "demo")
    status, switched = backend.request("POST", f"/api/v1/tenants/{demo}/switch", token=token)
    assert status == 200
    found: str = switched["access_token"]
    return found


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


def test_bad_use_is_one_sentence(project: Project) -> None:
    file = films(project.home)
    for arguments, told in (
        (("--tenant", "nowhere", "--as", "admin@example.com", "--map", "sku=imdbID"), "category"),
        (("--tenant", "nowhere", "--as", "admin@example.com", *OPTIONS[4:]), "nowhere"),
        (("--tenant", "demo", "--as", "nobody@example.com", *OPTIONS[4:]), "nobody@example.com"),
        (
            ("--tenant", "demo", "--as", "admin@example.com", "--map", "sku=x", "--map", "name=Title", "--map", "category=Genre"),
            "no column x",
        ),
    ):
        done = run(project.home, "import", "items", file, *arguments)
        assert done.returncode == 2
        assert told in done.stderr
        assert "Traceback" not in done.stderr
