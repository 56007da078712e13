"""The rules of the house that a program can hold: sizes, names, the same shape for every context, nothing of one machine."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from api_base.bootstrap.contexts import BUILT_IN
from tools.documents import ROOT

SOURCE: Final = ROOT / "src/api_base"
MAX_LINES: Final = 300
VAGUE: Final = re.compile(r"(^|_)(managers?|helpers?|utils?|misc|base2)(_|$)|^data$")
READING: Final = {"audit", "jobs", "search"}
"""Contexts that look at what the base itself or other contexts keep: they have no aggregates, and the floors for those stay empty."""
ADAPTERS: Final = {"jobs": "tasks"}
"""Where the adapters of a context are named otherwise: the specification says so."""
SHAPE: Final = (
    "domain/{}/entities.py",
    "domain/{}/errors.py",
    "domain/{}/repository.py",
    "application/{}/commands",
    "application/{}/dtos.py",
    "infrastructure/{}/migrations",
    "infrastructure/{}/repository.py",
    "infrastructure/{}/tables.py",
    "interface/v1/{}.py",
    "bootstrap/contexts/{}.py",
)
SHAPE_OF_READING: Final = tuple(
    part for part in SHAPE if not part.startswith("domain/") and part.rpartition("/")[2] not in ("commands", "repository.py")
)
"""What every context has; what only some need (`value_objects.py`, `queries`, `mapper.py`) has the same name wherever it is."""

OF_ONE_MACHINE: Final = re.compile(r"""(?<![\w.])/(?:home|root|Users)/\w""")
TEXT: Final = {".py", ".md", ".toml", ".json", ".mako", ".yml", ".yaml", ".sh", ""}
CACHE: Final = re.compile(r"/\.\w+_cache/")
"""What linters keep in the folder where somebody started them."""
FOLDERS: Final = ("src", "tests", "tools", "benchmarks", "chaos", "examples", "docs", ".ci")


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def names(file: Path) -> Iterator[str]:
    yield file.stem
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield snake(node.name).strip("_")


def shown(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_no_file_is_too_long_to_hold_one_idea() -> None:
    long = {
        shown(file): lines for file in SOURCE.rglob("*.py") if (lines := len(file.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}, f"over {MAX_LINES} lines: find the second idea in each and give it a file of its own"


def test_names_say_what_a_thing_is() -> None:
    vague = [f"{shown(file)}: {name}" for file in SOURCE.rglob("*.py") for name in names(file) if VAGUE.search(name)]
    assert vague == [], "these names fit everything: take the field's own term"


@pytest.mark.parametrize(
    "context", [context.name for context in BUILT_IN if context.routes is not None and context.protocol_routes is None]
)
def test_every_context_has_the_same_files_on_every_floor(context: str) -> None:
    shape = SHAPE_OF_READING if context in READING else SHAPE
    missing = [
        part
        for part in (one.format(ADAPTERS.get(context, context) if one.startswith("infrastructure") else context) for one in shape)
        if not (SOURCE / part).exists()
    ]
    assert missing == [], "who knows one context knows all: give it these, in the place that others have them"


def test_middlewares_are_plain_asgi_classes() -> None:
    slow = [shown(file) for file in SOURCE.rglob("*.py") if "BaseHTTPMiddleware" in file.read_text(encoding="utf-8")]
    assert slow == [], "BaseHTTPMiddleware costs a hundred times a plain ASGI class, and breaks contextvars and streaming"


def test_nothing_of_one_machine_is_kept() -> None:
    files = [
        file
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and file.suffix in TEXT and not CACHE.search(shown(file))
    ]
    found = [shown(file) for file in files if OF_ONE_MACHINE.search(file.read_text(encoding="utf-8", errors="replace"))]
    assert len(files) > 100
    assert found == [], "these name a home directory: no other machine has it"
