"""Built-in contexts that are left out: the rest is sound, and what depends on them is refused by name."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.config import Settings
from api_base.operations.wiring import declared_faults
from tests.unit.wiring.mistakes import Mistake
from tests.unit.wiring.test_mistakes import ROOT, Copy, found_in

SOURCE: Final = ROOT / "src/api_base"
CONTEXTS: Final = {context.name: context for context in BUILT_IN}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DATABASE__DATA_DIR", str(tmp_path / "data"))
    return Settings(_env_file=None)


def without(*names: str) -> list[Context]:
    return [context for context in BUILT_IN if context.name not in names]


@pytest.mark.parametrize("names", [("items",), ("items", "audit", "search"), ("flags", "ofrep")], ids="-".join)
def test_the_rest_is_sound(settings: Settings, names: tuple[str, ...]) -> None:
    assert declared_faults(settings, without(*names)) == []


def test_a_subscription_to_an_event_of_a_left_out_context(settings: Settings, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "shop")
    copy.change(Mistake("", 'event="shop.renamed.v1", payload', 'event="items.created.v1", payload', "", ""))
    assert found_in(settings, [*without("items"), copy.imported()]) == [
        f"{copy.place('return [DurableSubscription(')}: No context publishes the event 'items.created.v1'. "
        "The built-in context 'items', which is left out, brings it: take items out of CONTEXTS_DISABLED."
    ]


def test_a_route_of_a_message_of_a_left_out_context(settings: Settings, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "shop")
    copy.change(Mistake("", "await bus.execute(RenameGood(id=id, title=body.title))", "await bus.execute(DeleteItem(id=id))", "", ""))
    copy.change(
        Mistake(
            "",
            "FIELDS = Fields(",
            "from api_base.application.items.commands.item_transitions import DeleteItem\n\nFIELDS = Fields(",
            "",
            "",
        )
    )
    assert found_in(settings, [*without("items"), copy.imported()]) == [
        f"{copy.place('async def rename_good(')}: PUT /api/v2/goods/{{id}}/title names the message DeleteItem, which has no handler. "
        "The built-in context 'items', which is left out, brings it: take items out of CONTEXTS_DISABLED."
    ]


def test_a_revision_that_depends_on_one_of_a_left_out_context(settings: Settings, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "shop")
    file = next((copy.folder / "migrations").glob("001*"))
    file.write_text(file.read_text().replace('("base_001",)', '("base_001", "items_002")'))
    (found,) = found_in(settings, [*without("items"), copy.imported()])
    assert found.endswith(
        "The revision shop_001 depends on items_002, which no context of this application brings. "
        "Add that context to CONTEXTS, take it out of CONTEXTS_DISABLED, or correct depends_on."
    )


@cache
def imported_by(module: str) -> frozenset[str]:
    path = SOURCE.parent / f"{module.replace('.', '/')}.py"
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return frozenset(name for name in names if name.startswith("api_base."))


def used_contexts(context: str) -> Iterator[str]:
    """The contexts whose code the declaration of a context uses, itself or by a module beside it, and its GraphQL types and tools."""
    waiting = [f"api_base.bootstrap.contexts.{context}", f"api_base.interface.graphql.{context}", f"api_base.interface.v1.{context}"]
    seen = set[str]()
    while waiting:
        module = waiting.pop()
        if module in seen or not (SOURCE.parent / f"{module.replace('.', '/')}.py").exists():
            continue
        seen.add(module)
        for name in imported_by(module):
            parts = name.split(".")
            if name == "api_base.bootstrap.contexts.identities":
                yield "users"  # adapters for ports of others: each context uses one of them
            elif name == "api_base.bootstrap.importing" or (name.startswith("api_base.interface.mcp.") and parts[3] in CONTEXTS):
                waiting.append(name)
            elif len(parts) > 3 and parts[1] in ("application", "infrastructure", "domain") and parts[2] in CONTEXTS:
                yield parts[2]


@pytest.mark.parametrize("name", CONTEXTS)
def test_a_context_requires_those_whose_code_it_uses(name: str) -> None:
    assert set(used_contexts(name)) - {name} <= set(CONTEXTS[name].requires)
