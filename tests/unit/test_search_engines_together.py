"""The engine of search with a process, and two engines as one: each call reaches both, in the order that a failure of the second can repeat."""

from collections.abc import Sequence
from typing import Any
from unittest.mock import AsyncMock, call
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from api_base.application.common.search import FallbackSearchIndex
from api_base.application.common.search.opening import SearchOpening
from api_base.core.errors import Conflict, Unavailable
from api_base.core.protocols import Generation, IndexState, SearchIndex, SearchRequest
from tests.search_engines import FILMS, OTHERS, declared


class Engines:
    """Two engines that record what reaches them, in one list."""

    def __init__(self, *states: IndexState) -> None:
        self.both = AsyncMock()
        self.server, self.database = (self._engine(name, states) for name in ("server", "database"))
        self.index = FallbackSearchIndex(self.server, self.database)

    def _engine(self, name: str, states: Sequence[IndexState]) -> Any:
        engine = AsyncMock(spec=SearchIndex)
        engine.states.return_value = states
        self.both.attach_mock(engine, name)
        return engine

    @property
    def calls(self) -> list[Any]:
        return [one for one in self.both.mock_calls if ".states" not in str(one)]


DOCUMENTS = [object()]


@pytest.mark.parametrize(
    ("method", "arguments", "first"),
    [
        ("open", (), "database"),
        ("close", (), "server"),
        ("write", (DOCUMENTS,), "database"),
        ("fill", (DOCUMENTS,), "database"),
        ("repair", (DOCUMENTS,), "database"),
        ("begin", ("films",), "database"),
        ("swap", ("films",), "database"),
    ],
)
async def test_both_engines_are_called_one_after_the_other(method: str, arguments: tuple[Any, ...], first: str) -> None:
    engines = Engines()
    await getattr(engines.index, method)(*arguments)
    order = [first, *({"server", "database"} - {first})]
    assert engines.calls == [getattr(call, name).__getattr__(method)(*arguments) for name in order]


@pytest.mark.parametrize("missing", ["server", "database"])
async def test_neither_engine_is_reverted_if_one_has_no_previous_generation(missing: str) -> None:
    live, both = ({Generation.LIVE: "a"}, {Generation.LIVE: "a", Generation.PREVIOUS: "b"})
    engines = Engines(IndexState(index="films", digests=both), IndexState(index="others", digests=live))
    await engines.index.revert("films")
    assert engines.calls == [call.server.revert("films"), call.database.revert("films")]
    getattr(engines, missing).states.return_value = [IndexState(index="films", digests=live)]
    with pytest.raises(Conflict, match="no previous generation in both engines"):
        await engines.index.revert("films")
    assert len(engines.calls) == 2


async def test_the_database_searches_only_while_the_server_is_away() -> None:
    engines, request, tenant = Engines(), SearchRequest(indexes=("films",), q="a"), uuid4()
    assert await engines.index.search(request, tenant) is engines.server.search.return_value
    engines.server.search.side_effect = Unavailable("The search server is away.")
    with capture_logs() as logs:
        assert await engines.index.search(request, tenant) is engines.database.search.return_value
    assert [one["event"] for one in logs] == ["search_falls_back"]
    assert engines.calls[-1] == call.database.search(request, tenant)


async def test_a_process_opens_and_closes_its_engine_and_reports_indexes_of_another_definition() -> None:
    indexes, engine = declared(FILMS, OTHERS), AsyncMock(spec=SearchIndex)
    engine.states.return_value = [
        IndexState(index="films", digests={Generation.LIVE: "another"}),
        IndexState(index="others", digests={Generation.LIVE: indexes.definition("others").digest, Generation.PREVIOUS: "another"}),
    ]
    opening = SearchOpening(engine, indexes)
    with capture_logs() as logs:
        await opening.open()
    assert engine.mock_calls == [call.open(), call.states()]
    [differs] = logs
    assert differs["event"] == "search_index_differs"
    assert differs["problem"].startswith("The search index 'films' was built for another definition of its fields: ")
    await opening.close()
    assert engine.mock_calls[-1] == call.close()


async def test_a_process_starts_without_a_search_server_that_is_away() -> None:
    engine = AsyncMock(spec=SearchIndex)
    engine.states.side_effect = Unavailable("The search server is away.")
    with capture_logs() as logs:
        await SearchOpening(engine, declared(FILMS)).open()
    assert [(one["event"], one["reason"]) for one in logs] == [("search_unavailable", "The search server is away.")]
