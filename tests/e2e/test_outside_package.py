"""A context in a separate package, beside the wheel of the base: migrated, served, and tested by its own tests."""

import shutil
import subprocess
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import open_folder
from tests.e2e.documentation import README, ROOT, blocks, paste
from tests.e2e.processes import Backend, environment, serving, until

pytestmark = pytest.mark.slow

SECTION = (README, "A context of your own")
EXAMPLE = ROOT / "examples" / "invoices"
UV = ROOT / ".tools" / "uv"
LINES = 171
PASS_PHRASE = "seven wet socks on a line"
CHAIR = {"sku": "CHAIR-1", "name": "Chair", "category": "furniture", "price": {"amount": "12.50", "currency": "EUR"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A team's folder: its package in development, and an environment with the wheel of the base.

    `printed` is what the README's commands printed there, `revision` the text of the one that they wrote.
    """

    home: Path
    wheel: Path
    printed: str
    revision: str

    @property
    def package(self) -> Path:
        return self.home / "invoices"

    @property
    def python(self) -> str:
        return str(self.home / ".venv/bin/python")

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.package, env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"), text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done
        return done.stdout


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    with open_folder() as home:
        shutil.copytree(EXAMPLE, home / "invoices")
        subprocess.run([UV, "build", "--quiet", "--out-dir", home / "dist", ROOT], check=True)
        (wheel,) = (home / "dist").glob("*.whl")
        install(home / ".venv", wheel, home / "invoices")
        (block,) = blocks("sh", *SECTION)
        printed = paste(f"PATH=$PWD/.venv/bin:$PATH\n{block.commands}", home)
        revision = Path(printed.splitlines()[-1])
        text = revision.read_text()
        revision.unlink()  # it is not filled in, and the next start would apply it
        yield Team(home=home, wheel=wheel, printed=printed, revision=text)


def install(target: Path, wheel: Path, package: Path) -> None:
    """An environment with the two, and the present one's other packages: a path in a .pth file is searched, its own .pth files,
    by which the base is installed here to be edited, are not read."""
    venv.create(target)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(target)}))
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--no-deps", "--python", target / "bin/python", wheel, "--editable", package], check=True
    )


def test_the_example_is_as_short_as_the_readme_says() -> None:
    lines = [line for path in (EXAMPLE / "src").rglob("*.py") for line in path.read_text().splitlines() if line.strip()]
    assert len(lines) <= LINES
    assert f"in {LINES} lines (without blank lines and its test)" in (ROOT / README).read_text()


def test_the_readme_and_the_page_of_events_show_what_is_there() -> None:
    files = [path.read_text() for path in (*EXAMPLE.rglob("*.py"), ROOT / "src/api_base/domain/items/events.py")]
    shown = [*blocks("python", *SECTION), *blocks("python", "docs/events.md")]
    assert len(shown) == 4
    for block in shown:
        assert any(block.text in text for text in files), block.text


def test_the_wheel_is_complete(team: Team) -> None:
    source = ROOT / "src"
    files = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {name for name in zipfile.ZipFile(team.wheel).namelist() if name.startswith("api_base/")} == files


def test_the_base_is_the_wheels(team: Team) -> None:
    found = Path(team.run("-c", "import api_base; print(api_base.__file__)").strip())
    assert found.is_relative_to(team.home / ".venv")


def test_its_migrations_are_applied_and_the_next_is_written_into_the_package(team: Team) -> None:
    *applied, compared, written = team.printed.splitlines()
    assert "invoices_001" in applied
    assert compared == "Nothing to do: the database has the tables and indexes that invoices declares."
    assert Path(written) == team.package / "src/invoices/migrations/002_add_a_due_date.py"
    assert 'down_revision = "invoices_001"' in team.revision


def test_its_own_tests_pass(team: Team) -> None:
    assert "4 passed" in team.run("-m", "pytest", "-p", "asyncio")


def test_it_serves_each_tenant_its_own(team: Team) -> None:
    with serving(team.home, python=team.python, CONTEXTS="invoices:INVOICES") as backend:
        paths = backend.ready().request("GET", "/openapi.json")[1]["paths"]
        assert backend.request("GET", "/events/invoices.paid.v1.json")[1]["title"] == "InvoicePaid"
        assert {path for path in paths if "invoices" in path} == {"/api/v2/invoices", "/api/v2/invoices/{id}/pay"}
        ana, bob = (member(backend, name) for name in ("ana", "bob"))
        item = publish_chair(backend, ana)
        (invoice,) = until(lambda: invoices(backend, ana), "an invoice, made by the worker")
        assert (invoice["item_id"], invoice["fee"], invoice["paid_at"]) == (item, {"amount": "1.00", "currency": "EUR"}, None)
        pay = f"/api/v1/invoices/{invoice['id']}/pay"
        assert invoices(backend, bob) == []
        assert backend.request("POST", pay, token=bob)[0] == 404
        assert backend.request("POST", pay, token=ana)[0] == 204
        assert backend.request("POST", pay, token=ana)[0] == 409
        assert invoices(backend, ana)[0]["paid_at"] is not None


def member(backend: Backend, name: str) -> str:
    """The token of who has just registered, for a personal tenant."""
    login = {"email": f"{name}@example.com", "password": PASS_PHRASE}
    assert backend.request("POST", "/api/v1/auth/register", {**login, "name": name})[0] == 201
    status, tokens = backend.request("POST", "/api/v1/auth/login", login)
    assert status == 200, tokens
    token: str = tokens["access_token"]
    return token


def publish_chair(backend: Backend, token: str) -> str:
    status, item = backend.request("POST", "/api/v1/items", CHAIR, token)
    assert status == 201, item
    assert backend.request("POST", f"/api/v1/items/{item['id']}/publish", token=token)[0] == 200
    id: str = item["id"]
    return id


def invoices(backend: Backend, token: str) -> list[dict[str, object]]:
    status, page = backend.request("GET", "/api/v1/invoices", token=token)
    assert status == 200, page
    found: list[dict[str, object]] = page["items"]
    return found
