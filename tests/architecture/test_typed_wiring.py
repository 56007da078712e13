"""What contexts declare is checked by mypy: a handler for the wrong message, a subscriber for the wrong payload."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeAliasType, get_args, get_type_hints

import pytest

from api_base.application.common.cqrs import Registration, answer_of
from api_base.bootstrap.adapters import Adapters
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services, build
from api_base.infrastructure.db.embedded import Urls
from tests.application import settings_on
from tools.documents import ROOT

SAMPLE: Final = """
from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.cqrs import on
from api_base.application.common.events import Stream, StreamRecord
from api_base.application.items.commands.create_item import CreateItem
from api_base.application.items.commands.item_transitions import DeleteItem, ItemTransitionHandler
from api_base.domain.common.events import DurableSubscription, Subscription


@dataclass(frozen=True)
class Created:
    aggregate_id: UUID


@dataclass(frozen=True)
class Deleted:
    aggregate_id: UUID


async def deleted(event: Deleted) -> None: ...


def records(event: Deleted) -> list[StreamRecord]:
    return []


def wiring(handler: ItemTransitionHandler) -> None:
    on(DeleteItem, handler)
    Subscription("items.deleted.v1", Deleted, deleted)
    DurableSubscription(name="n", event="items.deleted.v1", payload=Deleted, handle=deleted)
    Stream(name="n", event="items.deleted.v1", payload=Deleted, transform=records)
    on(CreateItem, handler)  # wrong
    Subscription("items.created.v1", Created, deleted)  # wrong
    DurableSubscription(name="n", event="items.created.v1", payload=Created, handle=deleted)  # wrong
    Stream(name="n", event="items.created.v1", payload=Created, transform=records)  # wrong
"""
NOWHERE: Final = "postgresql://app@localhost:1/none"
PORTS: Final = build(settings_on(Urls(owner=NOWHERE, app=NOWHERE, worker=NOWHERE, direct=NOWHERE)), BUILT_IN).ports
REGISTRATIONS: Final = [registration for context in BUILT_IN for registration in context.handlers(PORTS)]


def test_what_does_not_fit_does_not_type_check(tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text(SAMPLE)
    answer = subprocess.run([sys.executable, "-m", "mypy", str(sample)], cwd=ROOT, capture_output=True, text=True, check=False)
    wrong = {number for number, line in enumerate(SAMPLE.splitlines(), 1) if line.endswith("# wrong")}
    refused = {int(line.split(":")[1]) for line in answer.stdout.splitlines() if ": error: " in line}
    assert refused == wrong, answer.stdout + answer.stderr


@pytest.mark.parametrize("registration", REGISTRATIONS, ids=lambda one: one.message.__name__)
def test_every_handler_answers_what_its_message_declares(registration: Registration) -> None:
    assert get_type_hints(registration.handler.handle)["return"] == answer_of(registration.message)


PACKAGES: Final = ("bootstrap", "serving", "operations")
MODULES: Final = sorted(path for package in PACKAGES for path in (ROOT / "src/api_base" / package).rglob("*.py"))


def module_of(path: Path) -> ModuleType:
    steps = path.relative_to(ROOT / "src").with_suffix("").parts
    return import_module(".".join(steps[:-1] if steps[-1] == "__init__" else steps))


def imported(path: Path) -> Iterator[tuple[str, object]]:
    """What a module imports by name, for the type checker too: the names that its annotations can have, with what they stand for."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.name, getattr(import_module(node.module), alias.name, None)


def has_any(annotation: object) -> bool:
    """Whether an annotation contains `Any`, in aliases and in their arguments too."""
    if isinstance(annotation, TypeAliasType):
        try:
            return has_any(annotation.__value__)
        except (NameError, TypeError):  # names imported, or classes generic, for the type checker alone
            return "Any" in _names_of(annotation)
    if isinstance(annotation, list | tuple):
        return any(map(has_any, annotation))
    return annotation is Any or any(map(has_any, get_args(annotation)))


def _names_of(alias: TypeAliasType) -> set[str]:
    tree = ast.parse(Path(str(sys.modules[alias.__module__].__file__)).read_text(encoding="utf-8"))
    (node,) = [node for node in tree.body if isinstance(node, ast.TypeAlias) and node.name.id == alias.__name__]
    return {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "src/api_base")))
def test_the_wiring_has_no_any(path: Path) -> None:
    """mypy refuses an explicit `Any` here (`disallow_any_explicit`), but not an alias from elsewhere that contains one."""
    names = {name: value for name, value in imported(path) if name == "Any" or has_any(value)}
    names |= {name: value for name, value in vars(module_of(path)).items() if isinstance(value, TypeAliasType) and has_any(value)}
    assert names == {}


@pytest.mark.parametrize("kind", [Ports, Context, Services, Adapters], ids=lambda kind: kind.__name__)
def test_what_contexts_are_given_and_give_has_no_any(kind: type) -> None:
    hints = get_type_hints(kind, localns=dict(imported(ROOT / "src" / f"{kind.__module__.replace('.', '/')}.py")))
    assert hints
    assert {name for name, hint in hints.items() if has_any(hint)} == set()


def test_an_alias_that_contains_any_is_found() -> None:
    type Hidden = Callable[[int], Mapping[str, Any]]
    assert has_any(Hidden)
    assert has_any(Mapping[str, Hidden])
    assert not has_any(Callable[[int], object])


def test_only_the_container_knows_the_library_behind_it() -> None:
    source = ROOT / "src/api_base"
    users = [path for path in source.rglob("*.py") if "dependency_injector" in path.read_text(encoding="utf-8")]
    assert [str(path.relative_to(source)) for path in users] == ["bootstrap/container.py"]
