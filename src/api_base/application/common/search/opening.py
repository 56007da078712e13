"""Opens the engine of search with a process, and reports indexes that were built for another definition."""

from collections.abc import Iterator, Sequence

from api_base.application.common.search.declared import SearchIndexes
from api_base.core.errors import Unavailable
from api_base.core.protocols import Generation, IndexState, Resource, SearchIndex
from api_base.core.shared.logging import get_logger

logger = get_logger(__name__)


class SearchOpening(Resource):
    """The engine as a resource of the process."""

    def __init__(self, engine: SearchIndex, indexes: SearchIndexes) -> None:
        self._engine, self._indexes = engine, indexes

    async def open(self) -> None:
        """Open the engine, and log each index that differs from its definition. The process starts without a search server that is away."""
        await self._engine.open()
        try:
            states = await self._engine.states()
        except Unavailable as error:
            logger.warning("search_unavailable", reason=str(error))
            return
        for problem in differences(self._indexes, states):
            logger.warning("search_index_differs", problem=problem)

    async def close(self) -> None:
        """Close the engine."""
        await self._engine.close()


def differences(indexes: SearchIndexes, states: Sequence[IndexState]) -> Iterator[str]:
    """Yield a sentence for each live index that was built for another definition, with what to do."""
    for state in states:
        if (built := state.digests.get(Generation.LIVE)) is not None and built != indexes.definition(state.index).digest:
            yield (
                f"The search index {state.index!r} was built for another definition of its fields: "
                f"run `api-base search reindex {state.index}`. Until then searches use the old one."
            )
