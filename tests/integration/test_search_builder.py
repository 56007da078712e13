"""Parts of queries that the search of indexes does not use, sent to the servers."""

from collections.abc import AsyncIterator

import pytest

from api_base.infrastructure.elasticsearch import query as q
from tests.factories.search import FILMS, ServerIndex, declared, server_index


@pytest.fixture(params=["elasticsearch", "opensearch"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[ServerIndex]:
    async with server_index(request.getfixturevalue(f"{request.param}_url"), declared(FILMS)) as index:
        yield index


async def test_a_nested_query_is_satisfied_by_one_element_alone(server: ServerIndex) -> None:
    name = f"{server.prefix}.casts"
    cast = {"type": "nested", "properties": {"actor": {"type": "keyword"}, "year": {"type": "integer"}}}
    await server.client.call("PUT", f"/{name}", {"mappings": {"properties": {"cast": cast}}})
    both = [{"actor": "Brando", "year": 1972}, {"actor": "Pacino", "year": 1974}]
    for id, elements in (("one", both), ("other", [{"actor": "Brando", "year": 1974}])):
        await server.client.call("PUT", f"/{name}/_doc/{id}", {"cast": elements}, refresh="true")

    async def found(actor: str, year: int) -> list[str]:
        wanted = q.nested("cast", q.boolean(filter=[q.term("cast.actor", actor), q.between("cast.year", ge=year, le=year)]))
        answer = await server.client.search(f"/{name}/_search", q.Search(query=wanted, size=10).body)
        return sorted(hit["_id"] for hit in answer["hits"]["hits"])

    assert await found("Brando", 1972) == ["one"]
    assert await found("Brando", 1974) == ["other"]
    assert await found("Pacino", 1972) == []
