"""Members imported by a command that is killed, and by a job whose worker is killed: every row counts once; refused rows are corrected."""

import csv
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import COMMAND, environment, one_sentence, rows, run, serving, until, working
from tests.e2e.test_import import BY, progress
from tests.e2e.test_import_by_http import Importing
from tests.isolation import start

pytestmark = pytest.mark.slow

PEOPLE = 3_000
REFUSED = PEOPLE // 100
USERS = """
insert into users (id, email, name, status, language, version, created_at, updated_at)
select gen_random_uuid(), '{prefix}-' || n || '@example.com', 'Ana', 'active', 'en', 1, now(), now()
from generate_series(1, {count}) n
"""
MEMBERS = "select count(*), count(distinct m.user_id) from memberships m join users u on u.id = m.user_id where u.email like '{prefix}-%'"


@pytest.fixture(scope="module")
def importing(project: Project) -> Iterator[Importing]:
    limits = dict.fromkeys(("REQUESTS", "BURST", "LOGIN_REQUESTS", "LOGIN_BURST"), "1000000")
    with serving(project.home, "--no-worker", **{f"RATE_LIMIT__{name}": limit for name, limit in limits.items()}) as backend:
        yield Importing(project, backend.ready())


def people(home: Path, prefix: str, count: int) -> Path:
    """A file with a row for each of `count` new users. Every hundredth row has no role that exists."""
    assert run(home, "db", "shell", stdin=USERS.format(prefix=prefix, count=count) + ";\n").returncode == 0
    path = home / f"{prefix}.csv"
    lines = [f"{prefix}-{n}@example.com,{'king' if n % 100 == 0 else 'viewer'}" for n in range(1, count + 1)]
    path.write_text("email,role\n" + "\n".join(lines) + "\n")
    return path


def members(home: Path, prefix: str) -> tuple[int, int]:
    """Memberships of these users, and how many users have one."""
    [[count, distinct]] = rows(home, MEMBERS.format(prefix=prefix))
    return int(count), int(distinct)


def test_a_command_that_is_killed_and_run_again_has_imported_each_member_once(importing: Importing) -> None:
    home = importing.project.home
    people(home, "killed", PEOPLE)
    with (home / "import-output").open("wb") as output:
        first = start([*COMMAND, "import", "members", "killed.csv", *BY], cwd=home, env=environment(), stdout=output)
    until(lambda: progress(home) >= 1000 or first.poll() is not None, "some of the rows")
    first.kill()
    assert first.wait() == -signal.SIGKILL, (home / "import-output").read_text()
    before = members(home, "killed")[0]
    assert 0 < before < PEOPLE * 9 // 10, "it was killed in the middle"
    again = run(home, "import", "members", "killed.csv", *BY)
    counted = re.match(r"(\d+) imported, 0 updated, (\d+) unchanged, (\d+) refused", again.stdout)
    assert counted is not None, again
    assert [int(count) for count in counted.groups()] == [PEOPLE - REFUSED, 0, REFUSED], "progress and rows were committed together"
    assert members(home, "killed") == (PEOPLE - REFUSED, PEOPLE - REFUSED)
    with (home / "killed.refused.csv").open(newline="", encoding="utf-8-sig") as file:
        assert [int(row["_row"]) for row in csv.DictReader(file)] == list(range(100, PEOPLE + 1, 100))


def test_refused_members_are_corrected_and_imported(importing: Importing) -> None:
    home = importing.project.home
    people(home, "some", 100)
    assert run(home, "import", "members", "some.csv", *BY, "--dry-run").stdout.startswith("99 would be imported")
    assert members(home, "some") == (0, 0)
    assert run(home, "import", "members", "some.csv", *BY).stdout.startswith("99 imported, 0 updated, 0 unchanged, 1 refused")
    refused = home / "some.refused.csv"
    assert '100,"role must be one of owner, admin, member, viewer"' in refused.read_text()
    refused.write_text(refused.read_text().replace(",king,", ",admin,"))
    assert run(home, "import", "members", refused.name, *BY).stdout.startswith("1 imported, 0 updated, 0 unchanged, 0 refused")
    again = run(home, "import", "members", "some.csv", *BY, "--map", "email=email", "--set", "role=admin")
    assert again.stdout.startswith("0 imported, 99 updated, 1 unchanged, 0 refused"), again


def test_a_missing_column_is_named_before_anything_starts(importing: Importing) -> None:
    home = importing.project.home
    (home / "wrong.csv").write_text("mail,role\na@example.com,viewer\n")
    done = run(home, "import", "members", "wrong.csv", *BY)
    assert one_sentence(done) == "api-base: The file has no column email; it has mail, role.\n"
    foreign = run(home, "import", "members", "wrong.csv", "--tenant", "elsewhere", "--as", "admin@example.com")
    assert "not a member of the tenant 'elsewhere'" in one_sentence(foreign)


def test_a_worker_is_killed_in_the_middle_and_another_continues(importing: Importing) -> None:
    home, path = importing.project.home, people(importing.project.home, "job", PEOPLE)
    status, page = importing.backend.request("GET", "/api/v1/tenants", token=importing.token)
    demo = next(one["id"] for one in page["items"] if one["slug"] == "demo")
    url, sent = f"/api/v1/tenants/{demo}/members/imports", {"file_id": importing.backend.upload(path.read_bytes(), importing.token)}
    status, response_headers, body = importing.backend.exchange("POST", url, sent, importing.token, {})
    assert status == 202, body
    location = response_headers["Location"]
    with working(home, "--only", "jobs") as first:
        importing.begun(location)
        first.end(signal.SIGKILL)
    left = importing.job(location)
    assert (left["name"], left["state"], left["progress"] < 99) == ("tenants.import_members", "running", True)
    with working(home, "--only", "jobs"):
        result = importing.done(location)["result"]
    good = PEOPLE - REFUSED
    assert (result["rows"], result["created"], result["unchanged"], result["refused"]) == (PEOPLE, good, 0, REFUSED)
    assert members(home, "job") == (good, good)
