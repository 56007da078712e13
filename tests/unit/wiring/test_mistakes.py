"""Each mistake in the wiring is found before anything is served, by its exact sentence and place; a sound context is found sound."""

import importlib.util
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.migrations import branches
from api_base.bootstrap.services import build
from api_base.core.config import Settings
from api_base.core.config.versions import VersionSettings
from api_base.core.errors import WiringError
from api_base.infrastructure.db.migrations.revisions import read
from api_base.operations.wiring import declared_faults
from tests.unit.wiring import mistakes, shop
from tests.unit.wiring.event_mistakes import EVENTS
from tests.unit.wiring.mistakes import Mistake
from tests.unit.wiring.parameter_mistakes import PARAMETERS
from tests.unit.wiring.public_mistakes import PUBLIC_PAGES
from tests.unit.wiring.version_mistakes import VERSIONS

SOURCE: Final = Path(shop.__file__).parent
MISTAKES: Final = (*mistakes.MISTAKES, *PARAMETERS, *PUBLIC_PAGES, *VERSIONS, *EVENTS)
ROOT: Final = Path(__file__).parents[3]
_numbers = count(1)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DATABASE__DATA_DIR", str(tmp_path / "data"))
    return Settings(_env_file=None)


class Copy:
    """A copy of `shop` with changes, imported under a name of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("__pycache__"))

    def change(self, mistake: Mistake) -> None:
        path = self.folder / mistake.file
        text = path.read_text()
        assert text.count(mistake.old) == 1, f"{mistake.old!r} stands {text.count(mistake.old)} times in {mistake.file}"
        path.write_text(text.replace(mistake.old, mistake.new))

    def imported(self) -> Context:
        name = f"{self.folder.name}_{next(_numbers)}"
        spec = importlib.util.spec_from_file_location(name, self.folder / "__init__.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found: Context = module.SHOP
        return found

    def place(self, part: str, file: str = "__init__.py") -> str:
        return f"{self.folder / file}:{line_of(self.folder / file, part)}"

    def expected(self, mistake: Mistake) -> str:
        """The sentence with the places that it names."""
        text = re.sub("«(.+?)»", lambda found: self.place(found[1]), mistake.sentence)
        for name, value in self._named():
            text = text.replace(f"{{{name}}}", value)
        return f"{self.place(mistake.at, mistake.file)}: {text}"

    def _named(self) -> Iterator[tuple[str, str]]:
        contexts, routes = ROOT / "src/api_base/bootstrap/contexts/items.py", ROOT / "src/api_base/interface/v1/items.py"
        yield "folder", str(self.folder)
        yield "items", str(line_of(contexts, "ITEMS: Final = Context("))
        yield "get_item_handler", str(line_of(contexts, "        on(GetItem, "))
        yield "attachable", str(line_of(contexts, "attachable=(Attachable("))
        yield "list_items", str(line_of(routes, "async def list_items("))
        yield "get_item", str(line_of(routes, "async def get_item("))
        yield "import_job", str(line_of(ROOT / "src/api_base/bootstrap/importing.py", "return Job(name=self.job_name"))
        yield "items_revision", str(next((ROOT / "src/api_base/infrastructure/items/migrations").glob("001_*.py")))


def line_of(file: Path, part: str) -> int:
    """The number of the only line that begins with `part`, or else contains it; of a decorated class or function, that of its first decorator."""
    lines = file.read_text().splitlines(keepends=True)
    found = [number for number, line in enumerate(lines, start=1) if line.startswith(part)]
    found = found or [number for number, line in enumerate(lines, start=1) if part in line]
    assert len(found) == 1, f"{part!r} stands in {len(found)} lines of {file}"
    number = found[0]
    while lines[number - 2].lstrip().startswith("@"):
        number -= 1
    return number


@pytest.fixture
def copy(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Copy]:
    before = set(sys.modules)
    yield Copy(tmp_path / "shop")
    for name in set(sys.modules) - before:
        if name.startswith("shop_"):
            del sys.modules[name]


def found_in(settings: Settings, contexts: Sequence[Context]) -> Sequence[str]:
    """What each start finds, without the documents that `api-base check` makes as well."""
    services = build(settings, contexts)
    return [*_raised(services.refuse_faults), *_raised(partial(read, branches(contexts)))]


def _raised(call: Callable[[], object]) -> Iterator[str]:
    try:
        call()
    except WiringError as error:
        yield from map(str, error.faults)


def test_the_built_in_contexts_and_a_sound_one_have_no_fault(settings: Settings, copy: Copy) -> None:
    assert declared_faults(settings, [*BUILT_IN, copy.imported()]) == []


def test_there_are_mistakes_of_more_than_forty_kinds() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) > 60


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name.replace(" ", "-") for mistake in MISTAKES])
def test_a_mistake_is_found_with_its_place_and_its_cure(settings: Settings, copy: Copy, mistake: Mistake) -> None:
    copy.change(mistake)
    assert "\n".join(found_in(settings, [*BUILT_IN, copy.imported()])) == copy.expected(mistake)


def test_all_mistakes_are_reported_together(settings: Settings, copy: Copy) -> None:
    named = {mistake.name: mistake for mistake in MISTAKES}
    chosen = [
        named[name]
        for name in (
            "a synchronous handle",
            "a role that does not exist",
            "a synchronous route",
            "a field that the event lacks",
            "a channel of a field that the event lacks",
            "a schedule that never fires",
            "a mapping of fewer columns",
            "a revision without label",
        )
    ]
    for mistake in chosen:
        copy.change(mistake)
    found = declared_faults(settings, [*BUILT_IN, copy.imported()])
    assert sorted(map(str, found)) == sorted(copy.expected(mistake) for mistake in chosen)
    assert str(WiringError(found)).startswith("The wiring of the application has 8 faults:\n  ")


def test_a_route_of_the_base_itself_cannot_be_replaced(settings: Settings, copy: Copy) -> None:
    probe = 'def probes(bus: Bus) -> APIRouter:\n    router = Router()\n\n    @router.get("/health/live")\n    async def lives() -> GoodDTO:\n        ...\n'
    copy.change(Mistake("", "SHOP = Context(", f"{probe}\n    return router\n\n\nSHOP = Context(", "", ""))
    copy.change(Mistake("", "    routes=routes,\n", "    routes=routes,\n    protocol_routes=probes,\n", "", ""))
    (found,) = declared_faults(settings, [*BUILT_IN, copy.imported()])
    health = ROOT / "src/api_base/interface/v1/health_router.py"
    assert found.place == copy.place('@router.get("/health/live")')
    first = f"src/api_base/interface/v1/health_router.py:{line_of(health, 'async def health_live(')}"
    assert found.sentence == f"Two routes serve GET /health/live, the first at {first}. Change the path or the method of one of them."


@pytest.mark.parametrize(
    ("versions", "place", "sentence"),
    [
        (VersionSettings(oldest=3), "VERSIONS__OLDEST", "There is no version 3: the newest one is 2."),
        (
            VersionSettings(sunsets={2: date(2029, 1, 1)}),
            "VERSIONS__SUNSETS",
            "Version 2 is the newest one, which does not end. Name an older one.",
        ),
        (
            VersionSettings(sunsets={7: date(2029, 1, 1)}),
            "VERSIONS__SUNSETS",
            "Version 7 does not exist: the newest one is 2. Name an older one.",
        ),
    ],
)
def test_settings_name_versions_that_there_are(settings: Settings, versions: VersionSettings, place: str, sentence: str) -> None:
    assert found_in(settings.model_copy(update={"versions": versions}), BUILT_IN) == [f"{place}: {sentence}"]


def test_a_path_that_another_context_has_below_another_prefix(settings: Settings, copy: Copy) -> None:
    copy.change(Mistake("", 'Router(prefix="/goods"', 'Router(prefix="/v1/flags"', "", ""))
    copy.change(Mistake("", "    routes=routes,\n", '    prefix="/api",\n    routes=routes,\n', "", ""))
    found = found_in(settings, [*BUILT_IN, copy.imported()])
    flags = ROOT / "src/api_base/interface/v1/flags.py"
    first = f"src/api_base/interface/v1/flags.py:{flags.read_text().splitlines().index('    @router.get(') + 1}"
    assert found[0] == (
        f"{copy.place('async def list_goods(')}: Two routes serve GET /api/v1/flags, the first at {first}. "
        "Change the path or the method of one of them."
    )
