"""`from api_base import …`: every public name exists, is described, and changes only together with the changelog."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import api_base
from api_base.core.shared.public_names import places
from tests.isolation import unmeasured
from tools.public_page import description

EXAMPLES = Path(__file__).parents[2] / "examples"
ITEM_DTO = "api_base.application.items.dtos"
"""GraphQL's relation from an invoice to the item of the sample context."""
CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


@pytest.mark.parametrize("name", places())
def test_a_public_name_exists_and_is_described(name: str) -> None:
    assert getattr(api_base, name) is not None
    assert description(name, places()[name]).endswith("."), f"{name} needs a docstring whose first sentence says what it is"


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'api_base' has no attribute 'Nothing'"):
        _ = api_base.Nothing  # type: ignore[attr-defined]


def test_the_package_lists_its_public_names() -> None:
    assert set(places()) <= set(dir(api_base))


def test_importing_the_package_imports_nothing_else() -> None:
    program = "import sys; before = set(sys.modules); import api_base; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=unmeasured())
    assert done.stdout == "['api_base']\n"


def test_the_changelog_has_every_change_of_the_public_names() -> None:
    text = CHANGELOG.read_text(encoding="utf-8")
    added, removed = (
        {name for line in re.findall(rf"^- Public names {verb}: (.*)$", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", line)}
        for verb in ("added", "removed")
    )
    assert added - removed == set(places()), "Write a line `- Public names added: …` or `- Public names removed: …` in CHANGELOG.md."


@pytest.mark.parametrize("file", sorted(EXAMPLES.rglob("*.py")), ids=lambda file: str(file.relative_to(EXAMPLES)))
def test_the_examples_need_public_names_only(file: Path) -> None:
    imports = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)]
    used = {node.module for node in imports if node.module and node.module.startswith("api_base.")}
    assert used <= {"api_base.testing", ITEM_DTO}
