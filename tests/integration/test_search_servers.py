"""What Elasticsearch and OpenSearch promise behind the adapter: versions, partial failures, generations, tenants, outages."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from time import monotonic
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from api_base.application.common.search import Fault, IndexVerifier, rebuild
from api_base.core.errors import Conflict, Invalid, NotIndexed, Unavailable
from api_base.core.protocols import (
    Clock,
    FieldKind,
    Generation,
    SearchDefinition,
    SearchDocument,
    SearchField,
    SearchRequest,
    SearchResults,
)
from api_base.infrastructure.elasticsearch import repository
from tests.factories.search import FILMS, Rows, ServerIndex, declared, deleted, eventually, film, held_by, server_index
from tests.services import Toxiproxy


@pytest.fixture(params=["elasticsearch", "opensearch"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
async def films(url: str) -> AsyncIterator[ServerIndex]:
    async with server_index(url, declared(FILMS)) as index:
        yield index


async def found(index: ServerIndex, tenant: UUID, q: str = "", **options: object) -> SearchResults:
    await index.refresh()
    return await index.search(SearchRequest(indexes=("films",), q=q, **options), tenant)  # type: ignore[arg-type]


async def titles(index: ServerIndex, tenant: UUID, q: str = "") -> list[str]:
    return [hit.title for hit in (await found(index, tenant, q)).hits]


async def test_the_newest_version_is_stored_whatever_the_order_of_late_and_doubled_writes(films: ServerIndex) -> None:
    """Deletions included: their versions are those of tombstones."""
    tenant, random_ = uuid4(), random.Random(11)
    newest: dict[UUID, tuple[int, str]] = {}
    writes: list[SearchDocument] = []
    for id in (uuid4() for _ in range(20)):
        versions = [film(tenant, f"Film {version}", id=id, version=version) for version in range(1, 6)]
        versions = [deleted(one, one.version) if random_.random() < 0.3 else one for one in versions]
        newest[id] = (versions[-1].version, versions[-1].digest)
        writes += versions + random_.choices(versions, k=2)
    random_.shuffle(writes)
    batches = [writes[start : start + 20] for start in range(0, len(writes), 20)]
    await asyncio.gather(*(films.write(batch) for batch in batches))
    assert await held_by(films, "films") == newest
    alive = {id for id, (_, digest) in newest.items() if digest}
    assert {hit.id for hit in (await found(films, tenant, size=100)).hits} == alive
    assert 0 < len(alive) < 20


async def test_what_the_server_refuses_is_named_and_the_others_are_written(films: ServerIndex) -> None:
    tenant = uuid4()
    good, bad = film(tenant, "Good", year=1999), film(tenant, "Bad", year=2**63)
    with pytest.raises(NotIndexed) as refused:
        await films.write([good, bad, film(tenant, "Better")])
    assert list(refused.value.reasons) == [bad.id]
    assert "document_parsing_exception" in str(refused.value) or "mapper_parsing_exception" in str(refused.value)
    assert sorted(await titles(films, tenant)) == ["Better", "Good"]


async def test_a_large_write_is_sent_in_parts(films: ServerIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "BULK_BYTES", 5000)
    tenant = uuid4()
    written = [film(tenant, f"Film {number}", plot="word " * 100) for number in range(40)]
    await films.write(written)
    assert await held_by(films, "films") == {one.id: (1, one.digest) for one in written}


async def test_tombstones_are_kept_for_the_retries_of_events_and_then_forgotten(url: str) -> None:
    class Moving(Clock):
        time = datetime(2026, 1, 1, tzinfo=UTC)

        def now(self) -> datetime:
            return self.time

    clock, tenant = Moving(), uuid4()
    async with server_index(url, declared(FILMS), clock=clock) as films:
        old, other = film(tenant), film(tenant)
        await films.write([old, deleted(old, 2), other])
        await films.refresh()
        clock.time += timedelta(days=7)
        assert await films.forget() == 0
        await films.write([old])
        assert await titles(films, tenant) == [other.values and other.values["title"]]
        clock.time += timedelta(days=2)
        assert await films.forget() == 1
        await films.refresh()
        assert list(await held_by(films, "films")) == [other.id]


async def test_generations_are_built_swapped_and_put_back(films: ServerIndex) -> None:
    tenant, rows = uuid4(), Rows()
    before = film(tenant, "Before")
    await films.write([before])
    rows.store(before)
    for change in (films.swap, films.revert):
        with pytest.raises(Conflict):
            await change("films")
    await films.begin("films")
    during = film(tenant, "During")
    await films.write([during])
    await films.fill([before, film(tenant, "Filled", id=during.id, version=0)])
    assert sorted(await titles(films, tenant)) == ["Before", "During"]
    await films.swap("films")
    after = film(tenant, "After")
    await films.write([after])
    everything = {one.id: (1, one.digest) for one in (before, during, after)}
    assert await held_by(films, "films") == everything
    await films.revert("films")
    assert await held_by(films, "films") == everything
    (state,) = await films.states()
    assert set(state.digests) == {Generation.LIVE, Generation.PREVIOUS}


async def test_a_generation_that_was_not_swapped_in_is_replaced(films: ServerIndex) -> None:
    await films.begin("films")
    await films.fill([film(uuid4(), "Abandoned")])
    await films.begin("films")
    await films.swap("films")
    assert await held_by(films, "films") == {}


async def test_a_live_generation_that_was_lost_is_put_back_or_rebuilt(films: ServerIndex) -> None:
    """An operator may delete it, or lose its only copy."""
    tenant = uuid4()

    async def lose() -> None:
        (name,) = await films.client.call("GET", f"/{films.prefix}.films.live/_alias")
        await films.client.call("DELETE", f"/{name}")

    await films.write([film(tenant, "Kept")])
    await films.begin("films")
    await films.swap("films")
    await lose()
    await films.revert("films")
    assert await titles(films, tenant) == ["Kept"]
    await films.begin("films")
    await films.swap("films")
    await lose()
    await films.begin("films")
    await films.fill([film(tenant, "Built")])
    await films.swap("films")
    assert await titles(films, tenant) == ["Built"]
    await films.write([film(tenant, "After")])
    assert sorted(await titles(films, tenant)) == ["After", "Built"]


REBUILT = 2000
"""`make search-rebuild` takes 100,000, with commands and a worker."""
WRITERS = 10


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_rebuild_misses_no_write_and_fails_no_search(films: ServerIndex) -> None:
    tenant, rows, numbers, random_ = uuid4(), Rows(), count(), random.Random(3)
    rows.store(*(film(tenant, f"Film {number}") for number in range(REBUILT)))
    keys = list(rows.stored)
    await films.write([rows.stored[key] for key in keys[:500]])  # the others are older than this server
    reached = {id for _, id in keys[:500]}
    await films.refresh()
    ending = asyncio.Event()

    async def write() -> int:
        writes = 0
        while not ending.is_set():
            writes += 1
            old = rows.stored[random_.choice(keys)]
            new = film(tenant, f"New {next(numbers)}") if writes % 3 else film(tenant, "Changed", id=old.id, version=old.version + 1)
            if writes % 7 == 0:
                new = deleted(old, old.version + 1)
            rows.store(new)
            reached.add(new.id)
            await films.write([new])
            await asyncio.sleep(0.1)
        return writes

    async def search() -> int:
        searches = 0
        while not ending.is_set():
            results = await films.search(SearchRequest(indexes=("films",), q="film", size=1), tenant)
            assert results.hits
            searches += 1
        return searches

    async with asyncio.TaskGroup() as tasks:
        searching, *writing = [tasks.create_task(search()), *(tasks.create_task(write()) for _ in range(WRITERS))]
        assert await rebuild(films, declared(FILMS, source=rows), "films", lambda written: None) >= REBUILT
        ending.set()
    writes, searches = sum(one.result() for one in writing), searching.result()
    assert min(writes, searches) > 0
    expected = {one.id: (one.version, one.digest) for one in rows.stored.values()}
    assert await held_by(films, "films") == expected
    assert await held_by(films, "films", Generation.PREVIOUS) == {id: expected[id] for id in reached}


async def test_differences_are_found_and_repaired(films: ServerIndex) -> None:
    tenant, other, rows = uuid4(), uuid4(), Rows()
    same, missing, changed, gone = film(tenant), film(other), film(tenant), film(tenant)
    removed = film(tenant, "Removed")
    rows.store(same, missing, changed, deleted(removed, 2))
    await films.write([same, film(tenant, "Other values", id=changed.id), gone, removed])
    verifier = IndexVerifier(films, declared(FILMS, source=rows), pause=0)
    comparison = await verifier.verify("films", lambda compared: None)
    faults = {one.id: one.fault for one in comparison.differences}
    assert faults == {missing.id: Fault.MISSING, changed.id: Fault.DIFFERENT, gone.id: Fault.SURPLUS, removed.id: Fault.SURPLUS}
    await verifier.repair("films", comparison.differences)
    comparison = await verifier.verify("films", lambda compared: None)
    assert (comparison.differences, comparison.documents, comparison.complete) == ([], 4, True)


async def test_a_changed_definition_is_stated_and_the_old_release_goes_on_writing(url: str, films: ServerIndex) -> None:
    tenant = uuid4()
    wider = SearchDefinition(
        name="films", title="title", permission="films:read", fields=(*FILMS.fields, SearchField(name="studio", kind=FieldKind.KEYWORD))
    )
    await films.write([film(tenant, "Old")])
    async with server_index(url, declared(wider), prefix=films.prefix) as newer:
        (state,) = await newer.states()
        assert state.digests[Generation.LIVE] == FILMS.digest != wider.digest
        await newer.begin("films")
        await films.write([film(tenant, "Old release")])
        await newer.write([film(tenant, "New release", studio="Paramount")])
        await newer.swap("films")
        (state,) = await newer.states()
        assert state.digests == {Generation.LIVE: wider.digest, Generation.PREVIOUS: FILMS.digest}
        assert sorted(await titles(newer, tenant)) == ["New release", "Old release"]
        await films.revert("films")
        assert sorted(await titles(films, tenant)) == ["New release", "Old", "Old release"]


async def test_nothing_of_another_tenant_is_shown_or_counted(films: ServerIndex) -> None:
    """Not even to a reader who names the other document's id, words and facet values, or brings a cursor from there."""
    mine, theirs = uuid4(), uuid4()
    stolen = film(theirs, "Unobtainium", genre="secret", people=("Anna Hidden",), plot="Unobtainium is a metal")
    await films.write([film(mine, "Common"), stolen, *(film(theirs, "Common", genre="secret") for _ in range(3))])
    for q in ("Unobtainium", "unobtaniun", "unob", '"anna hidden"', "hidden", "secret", "metal"):
        results = await found(films, mine, q, facets=("genre", "seen"))
        assert (results.hits, results.total.value, results.suggestions, results.next_cursor) == ([], 0, [], None)
        assert all(facet.values == [] for facet in results.facets.values())
    results = await found(films, mine, "common", facets=("genre",))
    assert (results.total.value, results.facets["genre"].values) == (1, [])
    assert len((await found(films, theirs, "unobtainium")).hits) == 1
    page = await found(films, theirs, "common", size=1)
    with pytest.raises(Invalid):
        await found(films, mine, "common", size=1, cursor=page.next_cursor)
    await films.write([film(mine, "Taken over", id=stolen.id, version=9)])
    assert await titles(films, theirs, "unobtainium") == ["Unobtainium"]


async def test_pages_follow_each_other_without_gaps(films: ServerIndex) -> None:
    tenant = uuid4()
    written = [film(tenant, f"Film {'x' * (number % 3)}") for number in range(25)]
    await films.write(written)
    seen: list[UUID] = []
    cursor = None
    while cursor is not None or not seen:
        page = await found(films, tenant, "film", size=4, cursor=cursor)
        seen += [hit.id for hit in page.hits]
        cursor = page.next_cursor
    assert sorted(seen) == sorted(one.id for one in written)
    assert len(seen) == len(set(seen))
    first = await found(films, tenant, "film", size=4)
    for request in ({"q": "films", "cursor": first.next_cursor}, {"q": "film", "cursor": "abc"}, {"q": "film", "cursor": "W10"}):
        with pytest.raises(Invalid):
            await found(films, tenant, **request)  # type: ignore[arg-type]


async def test_highlights_are_html_and_text_stays_text(films: ServerIndex) -> None:
    tenant = uuid4()
    await films.write([film(tenant, "Amélie <b>Poulain</b>", plot="AMELIE & co")])
    (hit,) = (await found(films, tenant, "amelie")).hits
    assert hit.highlights == {"title": ["<mark>Amélie</mark> &lt;b&gt;Poulain&lt;/b&gt;"], "plot": ["<mark>AMELIE</mark> &amp; co"]}


async def test_totals_and_facets_count_the_best_candidates(url: str) -> None:
    tenant = uuid4()
    async with server_index(url, declared(FILMS), candidates=5) as films:
        await films.write([film(tenant, "Film", genre="drama" if number % 3 else "comedy", seen=number == 0) for number in range(9)])
        results = await found(films, tenant, "film", facets=("genre", "seen"))
        assert {name: (sum(one.count for one in facet.values), facet.approximate) for name, facet in results.facets.items()} == {
            "genre": (5, True),
            "seen": (5, True),
        }
        assert (results.total.value, results.total.relation.value) == (5, "gte")


async def test_a_server_that_only_reads_defers_writes_and_answers_searches(films: ServerIndex) -> None:
    tenant = uuid4()
    await films.write([film(tenant, "Before")])
    settings = f"/{films.prefix}.*/_settings"
    await films.client.call("PUT", settings, {"index.blocks.write": True})
    with pytest.raises(Unavailable, match="cluster_block_exception"):
        await films.write([film(tenant, "Refused")])
    assert await titles(films, tenant) == ["Before"]
    await films.client.call("PUT", settings, {"index.blocks.write": False})
    await films.write([film(tenant, "After")])
    assert sorted(await titles(films, tenant)) == ["After", "Before"]


async def test_a_server_that_is_slow_or_away_fails_a_search_in_time(url: str, films: ServerIndex, toxiproxy: Toxiproxy) -> None:
    tenant = uuid4()
    await films.write([film(tenant, "Found")])
    await films.refresh()
    parts = urlsplit(url)
    with toxiproxy.to(f"{parts.hostname}:{parts.port}") as proxy:
        behind = parts._replace(netloc=f"{proxy.host}:{proxy.port}").geturl()
        async with server_index(behind, declared(FILMS), prefix=films.prefix, seconds=0.8) as slow:
            request = SearchRequest(indexes=("films",), q="found")

            async def answers() -> bool:
                try:
                    return bool((await slow.search(request, tenant)).hits)
                except Unavailable:
                    return False

            await eventually(answers)
            for failure in (proxy.down, proxy.silent, proxy.resetting):
                with failure():
                    began = monotonic()
                    with pytest.raises(Unavailable):
                        await slow.search(request, tenant)
                    assert monotonic() - began < 1.0, failure
                await eventually(answers)
