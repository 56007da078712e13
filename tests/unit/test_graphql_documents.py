"""The cache of documents, and trusted documents."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from graphql import parse

from api_base.core.errors import ConfigurationError
from api_base.interface.graphql.documents import DocumentCache, Prepared, trusted_documents
from api_base.interface.graphql.refused import RequestRefused
from api_base.interface.graphql.request import OperationRequest
from tests.factories.graphql import engine

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


def file(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "trusted.json"
    path.write_text(json.dumps(content))
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


@pytest.mark.parametrize("content", [{}, [], {"a": 1}, {"sha256:00": ME}, {"md5:00": ME}, {HASH.upper(): ME}])
def test_a_wrong_file_of_trusted_documents_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(ConfigurationError, match="GRAPHQL__TRUSTED_DOCUMENTS"):
        trusted_documents(file(tmp_path, content))


def test_a_trusted_document_that_the_schema_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="of-the-app"):
        engine(trusted_documents=file(tmp_path, {"of-the-app": "{unknown}"}))
