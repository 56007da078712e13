"""The house speaks the plain technical English of its language guide: no identifier and no phrase of the word lists."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from typer.testing import CliRunner

from api_base.cli.commands import app
from tests.architecture.language import IDENTIFIERS, MODULES, PHRASES, PREFIXES
from tools.documents import ROOT

CODE: Final = ("src", "tests", "chaos", "benchmarks", "examples", "tools")
PROSE: Final = ("src", "examples", "tools", "chaos", "benchmarks")
THE_LISTS: Final = ROOT / "tests/architecture/language.py"
VENDORED: Final = "docs_assets"
PHRASE: Final = re.compile(
    rf"\b(?:{'|'.join(re.escape(phrase).replace(r'\ ', r'\s+') for phrase in sorted(PHRASES, key=len, reverse=True))})\b", re.IGNORECASE
)
PREFIX: Final = re.compile(rf"_?(?:{'|'.join(PREFIXES)})")


def python_files(folders: tuple[str, ...]) -> list[Path]:
    found = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return [file for file in found if file != THE_LISTS and VENDORED not in file.parts]


def identifiers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that the syntax tree holds, with its line."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name, line
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, line
            case ast.alias(name=name, asname=other):
                yield from ((part, line) for part in (*name.split("."), other or ""))
            case ast.keyword(arg=str(name)):
                yield name, line


def wrong_identifier(name: str) -> bool:
    return name in IDENTIFIERS or PREFIX.match(name) is not None


def prose_of(source: str) -> Iterator[tuple[int, str]]:
    """Comments and text literals, docstrings included, each with its first line."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING, tokenize.FSTRING_MIDDLE):
            yield token.start[0], token.string


def phrases(text: str, first: int = 1) -> Iterator[tuple[int, str]]:
    for match in PHRASE.finditer(text):
        yield first + text.count("\n", 0, match.start()), match[0]


def help_texts() -> dict[str, str]:
    """The output of `--help` of every command, by the command's name."""
    runner, texts = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}), dict[str, str]()
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        words = waiting.pop()
        texts[" ".join(("api-base", *words))] = runner.invoke(app, [*words, "--help"]).output
        command: Any = typer.main.get_command(app)
        for word in words:
            command = command.commands[word]
        waiting += [(*words, name) for name in getattr(command, "commands", ())]
    return texts


def advice(found: str) -> str:
    return PHRASES[re.sub(r"\s+", " ", found.lower())]


def test_the_lists_are_long_enough_to_mean_something() -> None:
    assert len(IDENTIFIERS) + len(PREFIXES) + len(MODULES) + len(PHRASES) >= 60


@pytest.mark.parametrize("folder", CODE)
def test_identifiers_are_standard_terms(folder: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in python_files((folder,))
        for name, line in identifiers(ast.parse(file.read_text(encoding="utf-8")))
        if wrong_identifier(name)
    ]
    modules = [str(file.relative_to(ROOT)) for file in python_files((folder,)) if MODULES & {file.stem, *file.relative_to(ROOT).parts}]
    assert found + modules == [], "tests/architecture/language.py names the standard term for each"


@pytest.mark.parametrize("folder", PROSE)
def test_docstrings_comments_and_messages_are_plain_english(folder: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {phrase!r}: write {advice(phrase)}"
        for file in python_files((folder,))
        for first, text in prose_of(file.read_text(encoding="utf-8"))
        for line, phrase in phrases(text, first)
    ]
    assert found == []


def test_documents_are_plain_english() -> None:
    pages = [
        ROOT / "README.md",
        ROOT / "AGENTS.md",
        ROOT / "CHANGELOG.md",
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "services").rglob("*.md")),
    ]
    files = [*sorted((ROOT / "src").rglob("*.txt")), *sorted((ROOT / "src").rglob("*.template"))]
    templates = [file for file in files if VENDORED not in file.parts]
    found = [
        f"{file.relative_to(ROOT)}:{line}: {phrase!r}: write {advice(phrase)}"
        for file in (*pages, *templates)
        for line, phrase in phrases(file.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_help_is_plain_english() -> None:
    texts = help_texts()
    assert len(texts) > 20
    found = [f"{name} --help: {phrase!r}: write {advice(phrase)}" for name, text in texts.items() for _, phrase in phrases(text)]
    assert found == []


@pytest.mark.parametrize("document", ["docs/openapi/v1.json", "docs/openapi/v2.json", "docs/asyncapi.json"])
def test_the_api_documents_are_plain_english(document: str) -> None:
    text = json.dumps(json.loads((ROOT / document).read_text(encoding="utf-8")), indent=1, ensure_ascii=False)
    assert sorted({f"{phrase!r}: write {advice(phrase)}" for _, phrase in phrases(text)}) == []
