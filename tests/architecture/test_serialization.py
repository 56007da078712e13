"""JSON of the adapters is read and written by the codecs of `infrastructure/serialization`, and nowhere else."""

import ast
from pathlib import Path

import api_base

PACKAGE = Path(api_base.__path__[0])


def _codecs(file: Path) -> list[str]:
    """The places where `file` uses `msgspec.json` but for its pretty printer."""
    return [
        f"{file.relative_to(PACKAGE)}:{node.lineno} uses msgspec.json.{node.attr}"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "msgspec.json" and node.attr != "format"
    ]


def test_only_the_serialization_package_makes_codecs() -> None:
    floors = [PACKAGE / floor for floor in ("infrastructure", "bootstrap", "operations", "serving")]
    found = {file: _codecs(file) for floor in floors for file in floor.rglob("*.py")}
    ours = {file for file in found if file.is_relative_to(PACKAGE / "infrastructure/serialization")}
    assert sum(len(found[file]) for file in ours) >= 8
    assert [place for file, places in found.items() if file not in ours for place in places] == []
