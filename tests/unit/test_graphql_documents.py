"""The cache of documents, and trusted documents."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import parse

from api_base.application.common.cqrs import Bus
from api_base.bootstrap.graphql import graphql_engine
from api_base.core.config.graphql import GraphQLSettings
from api_base.core.errors import ConfigurationError
from api_base.interface.graphql import documents
from api_base.interface.graphql.documents import DocumentCache, Prepared, trusted_documents
from api_base.interface.graphql.refused import RequestRefused
from api_base.interface.graphql.request import OperationRequest
from tests.factories.graphql import SCHEMA, engine

DOCUMENT = parse("{a}")
ME = "{me{id}}"
HASH = "sha256:" + sha256(ME.encode()).hexdigest()


def prepared(size: int = 10) -> Prepared:
    return Prepared(document=DOCUMENT, prices={}, size=size)


def test_documents_that_are_used_once_never_displace_one_that_is_used_again() -> None:
    cache = DocumentCache(100)
    cache.put("popular", prepared())
    assert cache.get("popular")
    for number in range(1000):
        cache.put(f"once {number}", prepared())
    assert cache.get("popular")
    assert cache.size <= 100


def test_the_least_recently_used_document_leaves_first() -> None:
    cache = DocumentCache(100)
    for name in "ab":
        cache.put(name, prepared())
    cache.put("c", prepared())
    assert cache.get("a") is None
    assert cache.get("b")
    assert cache.get("c")


def test_a_document_that_is_put_twice_counts_once() -> None:
    cache = DocumentCache(100)
    cache.put("a", prepared())
    cache.put("a", prepared())
    assert cache.size == 10


def test_a_document_larger_than_the_cache_is_not_kept() -> None:
    cache = DocumentCache(100)
    cache.put("large", prepared(21))
    assert (cache.get("large"), cache.size) == (None, 0)


@pytest.mark.asyncio
async def test_a_document_is_parsed_once_and_only_those_of_known_callers_are_kept() -> None:
    one, request = engine(), OperationRequest(query=ME)
    unknown = await one.prepare(request, keep=False)
    known = await one.prepare(request, keep=True)
    assert known is not unknown
    assert await one.prepare(request, keep=False) is known


def file(tmp_path: Path, content: object, indent: int | None = None) -> Path:
    path = tmp_path / "trusted.json"
    path.write_text(json.dumps(content, indent=indent))
    return path


@pytest.mark.asyncio
async def test_trusted_documents_close_everything_else(tmp_path: Path) -> None:
    one = engine(trusted_documents=file(tmp_path, {HASH: ME, "of-the-app": "{me{name}}"}))
    for id in (HASH, "of-the-app"):
        assert (await one.run(OperationRequest(query=None, document_id=id), keep=True)).executed
    for request in (
        OperationRequest(query=ME),
        OperationRequest(query=None, document_id="sha256:0"),
        OperationRequest(query="{__typename}"),
    ):
        with pytest.raises(RequestRefused, match="Only trusted documents"):
            await one.prepare(request, keep=True)


@pytest.mark.asyncio
async def test_without_trusted_documents_a_document_id_is_unknown() -> None:
    with pytest.raises(RequestRefused, match="No document has this documentId"):
        await engine().prepare(OperationRequest(query=None, document_id=HASH), keep=True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{}", "line 1: it must be a JSON object"),
        ("[]", "line 1: it must be a JSON object"),
        ('[["a", "b"]]', "line 1: it must be a JSON object"),
        ('{\n"a": "{me{name}}",\n}', "line [23]: it is not JSON: "),
        ('{\n"a": 1}', "line 2: the document a must be a text"),
        ('{\n"a": "{me{name}}",\n"a": "{me{name}}"}', "line 3: the document a occurs twice"),
        ('{\n\n"sha256:00": "{me{name}}"}', "line 3: the document sha256:00 is not named by its SHA-256"),
        ('{"md5:00": "{me{name}}"}', "line 1: the document md5:00 is not named by its SHA-256"),
        (f'{{"{HASH.upper()}": "{ME}"}}', "line 1: the document .* is not named by its SHA-256"),
    ],
)
def test_a_wrong_file_of_trusted_documents_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "trusted.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=f"GRAPHQL__TRUSTED_DOCUMENTS: {path}, {reason}"):
        trusted_documents(path)


def test_the_lines_of_many_documents_are_found_by_one_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two searches of the whole file for each document make the start slower with the square of their number."""
    searches: list[str] = []
    original = re.finditer

    def counted(pattern: str, text: str) -> Iterator[re.Match[str]]:
        searches.append(pattern)
        return original(pattern, text)

    monkeypatch.setattr(documents.re, "finditer", counted)
    names = [f'é "{number}" \\' for number in range(2000)]
    found = trusted_documents(file(tmp_path, dict.fromkeys(names, '{me{name(a: "b\\\\": 1)}}'), indent=1))
    assert len(searches) == 1
    assert [document.place.partition(", ")[2] for document in found.values()] == [
        f"line {line}: the document {name}" for line, name in enumerate(names, 2)
    ]


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"trusted\.json cannot be read: .*No such file"):
        trusted_documents(tmp_path / "trusted.json")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{unknown}", r"Cannot query field 'unknown' on type 'Query'\. \(line 1, column 2 of the document\)"),
        ("{\n me {", r"Syntax Error: .* \(line 2, column 6 of the document\)"),
        ("{" + "a{" * 40 + "}" * 41, "the limit depth is 16"),
    ],
)
def test_a_trusted_document_that_the_schema_does_not_have_is_refused(tmp_path: Path, document: str, reason: str) -> None:
    path = tmp_path / "trusted.json"
    path.write_text(json.dumps({"fine": "{me{name}}", "of-the-app": document}, indent=1))
    with pytest.raises(ConfigurationError, match=f"{path}, line 3: the document of-the-app is refused: .*{reason}"):
        engine(trusted_documents=path)


def test_the_server_does_not_start_with_a_wrong_file(tmp_path: Path) -> None:
    path = tmp_path / "trusted.json"
    path.write_text('{"of-the-app": "{nothing}"}')
    settings = SimpleNamespace(graphql=GraphQLSettings(trusted_documents=path), shows_internals=False)
    schema: Any = lambda: SimpleNamespace(_schema=SCHEMA)  # noqa: E731
    with pytest.raises(ConfigurationError, match="of-the-app"):
        graphql_engine(schema, Bus(()), settings)  # type: ignore[arg-type]
