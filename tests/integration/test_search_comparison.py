"""The comparison of an index with the database, and its repair, within bounds and without a verdict on what was not compared."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from uuid import UUID, uuid4

import pytest

from api_base.application.common.search import IndexVerifier, comparison
from api_base.core.protocols import SearchDocument
from tests.factories.search import Rows, declared
from tests.search_engines import FILMS, Engine, film, postgresql


@pytest.fixture
def opening(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Engine]:
    return postgresql(request)


class Counted(Rows):
    """Remembers how many documents were loaded together."""

    def __init__(self, *documents: SearchDocument) -> None:
        super().__init__()
        self.store(*documents)
        self.loaded: list[int] = []

    async def load(self, tenant: UUID, ids: Sequence[UUID]) -> Sequence[SearchDocument]:
        self.loaded.append(len(ids))
        return await super().load(tenant, ids)


async def test_many_differences_are_repaired_in_pages(
    opening: AbstractAsyncContextManager[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page is what one statement and the memory of the process hold."""
    monkeypatch.setattr(comparison, "PAGE", 2)
    tenant, other = uuid4(), uuid4()
    rows = Counted(*(film(tenant, f"Film {n}") for n in range(5)), film(other, "Film"))
    async with opening as engine:
        verifier = IndexVerifier(engine.index, declared(FILMS, source=rows), pause=0)
        found = await verifier.verify("films", lambda compared: None)
        assert len(found.differences) == 6
        await verifier.repair("films", found.differences)
        assert sorted(rows.loaded) == [1, 1, 2, 2]
        assert (await verifier.verify("films", lambda compared: None)).equal


async def test_more_differences_than_are_remembered_are_not_taken_for_equal(
    opening: AbstractAsyncContextManager[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both comparisons the first ones are remembered: if these are repaired meanwhile, others may still differ."""
    monkeypatch.setattr(comparison, "MAX_DIFFERENCES", 2)
    tenant = uuid4()
    documents = sorted((film(tenant, f"Film {n}") for n in range(5)), key=lambda one: one.id)
    async with opening as engine:

        class Repairing(Rows):
            """The database, whose first documents reach the index between the comparisons."""

            comparisons = 0

            async def tenants(self, after: UUID | None, limit: int) -> Sequence[UUID]:
                self.comparisons += after is None
                if self.comparisons == 2:
                    await engine.put(*documents[:2])
                return await super().tenants(after, limit)

        rows = Repairing()
        rows.store(*documents)
        verifier = IndexVerifier(engine.index, declared(FILMS, source=rows), pause=0)
        found = await verifier.verify("films", lambda compared: None)
        assert (list(found.differences), found.complete, found.equal) == ([], False, False)
        await engine.put(*documents)
        assert (await verifier.verify("films", lambda compared: None)).equal
