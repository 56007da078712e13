"""The contract of `SearchIndex`, for every engine."""

import unicodedata
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from api_base.core.errors import Conflict, Invalid
from api_base.core.protocols import GONE, Generation, Relation, SearchDocument
from api_base.domain.common.specification import ComparisonOperator as Op
from api_base.domain.common.specification import FieldSpecification, IncomparableValue, UnknownField
from tests.search_engines import CANDIDATES, ENGINES, FILMS, Engine, film, gone

MINE, OTHER = uuid4(), uuid4()


@pytest.fixture(params=sorted(ENGINES))
def opening(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Engine]:
    return ENGINES[request.param](request)


@pytest.fixture
async def engine(opening: AbstractAsyncContextManager[Engine]) -> AsyncIterator[Engine]:
    async with opening as opened:
        yield opened


async def _held(engine: Engine, generation: Generation = Generation.LIVE) -> list[tuple[UUID, UUID, int, str]]:
    return [(one.tenant_id, one.id, one.version, one.digest) async for batch in engine.index.scan("films", generation) for one in batch]


async def test_an_exact_title_comes_first_then_a_prefix_then_all_words(engine: Engine) -> None:
    titles = ["The Godfather", "The Godfather Part II", "Herschell Gordon Lewis: The Godfather of Gore", "Disco Godfather", "The Mother"]
    await engine.put(*(film(MINE, title) for title in reversed(titles)))
    assert await engine.titles(MINE, "the godfather") == titles[:3]


async def test_typos_find_similar_words_only_if_no_document_has_the_words(engine: Engine) -> None:
    await engine.put(film(MINE, "The Godfather"), film(MINE, "Goodfellas"))
    assert (await engine.titles(MINE, "teh godfather"))[0] == "The Godfather"
    assert (await engine.titles(MINE, "godfahter"))[0] == "The Godfather"
    assert await engine.titles(MINE, "zzyzx") == []


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_case_accents_and_normal_forms_are_folded_on_both_sides(engine: Engine, form: str) -> None:
    await engine.put(film(MINE, unicodedata.normalize("NFC", "Amélie")), film(MINE, unicodedata.normalize("NFD", "Léon")))
    for q in ("amelie", "AMÉLIE", "Amélie"):
        assert await engine.titles(MINE, unicodedata.normalize(form, q)) == ["Amélie"]
    assert len(await engine.hits(MINE, unicodedata.normalize(form, "léon"))) == 1


async def test_the_last_word_may_be_a_beginning(engine: Engine) -> None:
    await engine.put(film(MINE, "The Shawshank Redemption"), film(MINE, "Redemption Road"))
    assert (await engine.titles(MINE, "shawsh"))[0] == "The Shawshank Redemption"


async def test_a_phrase_in_quotes_needs_its_words_in_order(engine: Engine) -> None:
    await engine.put(film(MINE, "Old Men in Grey"), film(MINE, "Men of Old"))
    assert await engine.titles(MINE, '"old men"') == ["Old Men in Grey"]
    assert sorted(await engine.titles(MINE, "old men")) == ["Men of Old", "Old Men in Grey"]


async def test_words_are_found_in_every_searched_field_and_the_title_counts_most(engine: Engine) -> None:
    await engine.put(
        film(MINE, "Ikiru", people="Akira Kurosawa"),
        film(MINE, "A Life", plot="about Kurosawa and his films"),
        film(MINE, "Kurosawa"),
        film(MINE, "Alien", genres=("horror",)),
    )
    assert (await engine.titles(MINE, "kurosawa"))[0] == "Kurosawa"
    assert len(await engine.hits(MINE, "kurosawa")) == 3
    assert await engine.titles(MINE, "horror") == ["Alien"]


async def test_stems_of_english_and_portuguese_are_found(engine: Engine) -> None:
    await engine.put(film(MINE, "Dancing Dogs"), film(MINE, "Cantando na chuva"))
    assert await engine.titles(MINE, "dog dance") == ["Dancing Dogs"]
    assert await engine.titles(MINE, "cantar") == ["Cantando na chuva"]


async def test_another_tenant_is_never_seen_in_hits_totals_facets_suggestions_or_by_a_cursor(engine: Engine) -> None:
    await engine.put(
        film(OTHER, "Zanzibar Secret", genres=("secret",), plot="Zanzibar"),
        *(film(MINE, f"Casablanca {n}", genres=("drama",)) for n in range(4)),
    )
    found = await engine.find(MINE, "zanzibar secret", facets=("genres",))
    assert (found.hits, found.total.value, list(found.facets["genres"].values), list(found.suggestions)) == ([], 0, [], [])
    mistyped = await engine.find(MINE, "zanzibra", facets=("genres",))
    assert (mistyped.total.value, list(mistyped.suggestions)) == (0, [])
    page = await engine.find(MINE, "casablanca", size=2)
    assert page.next_cursor is not None
    with pytest.raises(Invalid):
        await engine.find(OTHER, "casablanca", size=2, cursor=page.next_cursor)


async def test_the_order_of_hits_does_not_depend_on_the_words_of_other_tenants(engine: Engine) -> None:
    await engine.put(film(MINE, "Red One", plot="blue"), film(MINE, "Blue One", plot="red"))
    first = await engine.titles(MINE, "red blue")
    assert sorted(first) == ["Blue One", "Red One"]
    for word in ("Red", "Blue"):
        await engine.put(*(film(OTHER, f"{word} {number}", plot="red" if word == "Blue" else "blue") for number in range(80)))
        assert await engine.titles(MINE, "red blue") == first


async def test_the_newest_version_wins_whatever_the_order_of_the_writes(engine: Engine) -> None:
    one = film(MINE, "Third", version=3)
    await engine.put(one)
    await engine.put(film(MINE, "Second", id=one.id, version=2))
    await engine.put(film(MINE, "Also third", id=one.id, version=3))
    assert await engine.titles(MINE) == ["Third"]
    await engine.put(film(MINE, "First", id=one.id, version=1), film(MINE, "Fourth", id=one.id, version=4))
    assert await engine.titles(MINE) == ["Fourth"]


async def test_a_deletion_leaves_a_tombstone_that_a_late_write_does_not_overwrite(engine: Engine) -> None:
    one = film(MINE, "Gone", version=2)
    await engine.put(one)
    await engine.put(gone(one, 3))
    await engine.put(one)
    assert await engine.titles(MINE, "gone") == []
    assert await _held(engine) == [(MINE, one.id, 3, "")]
    await engine.put(film(MINE, "Back", id=one.id, version=4))
    assert await engine.titles(MINE) == ["Back"]
    await engine.put(gone(one, GONE))
    await engine.put(film(MINE, "Never", id=one.id, version=5))
    assert await engine.titles(MINE) == []


async def test_a_deletion_may_come_before_its_document(engine: Engine) -> None:
    one = film(MINE, "Late", version=1)
    await engine.put(gone(one, 2))
    await engine.put(one)
    assert await engine.titles(MINE) == []


async def test_pages_show_every_hit_once(engine: Engine) -> None:
    await engine.put(*(film(MINE, f"Same {n % 3}") for n in range(25)))
    seen: list[UUID] = []
    cursor = None
    while True:
        page = await engine.find(MINE, "same", size=7, cursor=cursor)
        assert (page.total.value, page.total.relation) == (25, Relation.EQ)
        seen += [hit.id for hit in page.hits]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 25


@pytest.mark.parametrize("cursor", ["", "x", "W10", "bnVsbA", "WyJhIiwxLDJd", "é", "A" * 5000])
async def test_a_forged_cursor_is_invalid(engine: Engine, cursor: str) -> None:
    with pytest.raises(Invalid):
        await engine.find(MINE, "same", cursor=cursor)


async def test_a_cursor_belongs_to_its_search(engine: Engine) -> None:
    await engine.put(*(film(MINE, f"Same {n}") for n in range(3)))
    page = await engine.find(MINE, "same", size=1)
    with pytest.raises(Invalid):
        await engine.find(MINE, "other", size=1, cursor=page.next_cursor)


async def test_facets_count_the_found_documents(engine: Engine) -> None:
    await engine.put(
        film(MINE, "War One", genres=("drama", "war")),
        film(MINE, "War Two", genres=("war",), released=False),
        film(MINE, "Peace", genres=("drama",)),
    )
    found = await engine.find(MINE, "war", facets=("genres", "released"))
    assert [(one.value, one.count) for one in found.facets["genres"].values] == [("war", 2), ("drama", 1)]
    assert [(one.value, one.count) for one in found.facets["released"].values] == [("false", 1), ("true", 1)]
    assert not found.facets["genres"].approximate


@pytest.mark.parametrize("q", ["!!", "nothing"])
async def test_a_facet_of_nothing_has_no_values(engine: Engine, q: str) -> None:
    await engine.put(film(MINE, "Film", genres=("drama",)))
    facet = (await engine.find(MINE, q, facets=("genres",))).facets["genres"]
    assert (list(facet.values), facet.approximate) == ([], False)


async def test_a_word_that_stands_everywhere_costs_so_many_candidates_and_the_answer_says_so(engine: Engine) -> None:
    many = [film(MINE, f"Film {n}", plot="moving pictures", genres=("one",)) for n in range(3 * CANDIDATES)]
    await engine.put(*many, film(MINE, "Pictures"))
    found = await engine.find(MINE, "pictures", facets=("genres",))
    assert found.hits[0].title == "Pictures"
    assert found.total.relation is Relation.GE
    assert CANDIDATES // 2 <= found.total.value <= 3 * CANDIDATES
    assert found.facets["genres"].approximate


async def test_highlights_are_html_with_everything_else_escaped(engine: Engine) -> None:
    await engine.put(film(MINE, "<script>alert(1)</script> Amélie", plot="A girl named Amélie & her friends"))
    hit = (await engine.hits(MINE, "amelie"))[0]
    assert hit.highlights["title"] == ["&lt;script&gt;alert(1)&lt;/script&gt; <mark>Amélie</mark>"]
    assert hit.highlights["plot"] == ["A girl named <mark>Amélie</mark> &amp; her friends"]
    assert (await engine.hits(MINE, "amelie", highlight=False))[0].highlights == {}


async def test_a_text_cannot_mark_its_own_words(engine: Engine) -> None:
    await engine.put(film(MINE, "Amélie", plot="\x03a \x02girl\x03 named Amélie"))
    assert (await engine.hits(MINE, "amelie"))[0].highlights["plot"] == ["a girl named <mark>Amélie</mark>"]


async def test_a_mistyped_search_suggests_a_title(engine: Engine) -> None:
    await engine.put(film(MINE, "Casablanca"))
    assert list((await engine.find(MINE, "casablnca")).suggestions) == ["Casablanca"]
    assert list((await engine.find(MINE, "casablanca")).suggestions) == []


@pytest.mark.parametrize("q", ['"', '""', "!!", "'", "& | !", "\\", ":*", "%", "\x02\x03", "(" * 100, " ", "\u0301" * 40])
async def test_any_text_is_a_search(engine: Engine, q: str) -> None:
    await engine.put(film(MINE, "映画 film"))
    assert (await engine.find(MINE, q)).total.value == 0
    assert await engine.titles(MINE, f"{q} 映画") == ["映画 film"]


@pytest.mark.parametrize("q", ["㌖" * 500, '"' + "㌖" * 498 + '"', '"' + "㌖" * 240 + " " + "㌖" * 240 + '"', "\u0149" * 500])
async def test_a_word_that_becomes_long_by_its_fold_is_a_search(engine: Engine, q: str) -> None:
    """U+3316 stands for six letters."""
    await engine.put(film(MINE, "Kilometre"))
    assert (await engine.find(MINE, q)).total.value == 0


async def test_a_document_whose_words_become_many_by_their_fold_is_written(engine: Engine) -> None:
    squares = [chr(code) for code in range(0x3300, 0x3358)]
    text = " ".join(first + second + third for first in squares for second in squares for third in squares)
    await engine.put(film(MINE, f"Kilometre {text[:60_000]}", plot=text[60_000:120_000], genres=(text[120_000:180_000],)))
    assert len(await engine.hits(MINE, "kilometre", highlight=False)) == 1


async def test_filters_select_by_every_kind_of_field(engine: Engine) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    await engine.put(
        film(MINE, "A", year=1972, released=True, shown_at=moment, code="x", genres=("drama",)), film(MINE, "B", year=1999, released=False)
    )
    for field, operator, value in (
        ("year", Op.LT, 1999),
        ("released", Op.EQ, True),
        ("shown_at", Op.EQ, moment),
        ("code", Op.STARTS_WITH, "x"),
        ("genres", Op.CONTAINS, "drama"),
        ("shown_at", Op.IS_NULL, False),
    ):
        wanted = FieldSpecification[object](field, operator, value)
        assert await engine.titles(MINE, filter=wanted) == ["A"], field
        assert await engine.titles(MINE, filter=~wanted) == ["B"], field
    assert await engine.titles(MINE, "b", filter=FieldSpecification("year", Op.LT, 1999)) == []
    with pytest.raises(UnknownField):
        await engine.find(MINE, filter=FieldSpecification("nothing", Op.EQ, 1))
    with pytest.raises(IncomparableValue):
        await engine.find(MINE, filter=FieldSpecification("year", Op.EQ, "1999"))


async def test_fields_of_one_name_are_filtered_by_their_kind_in_each_index(engine: Engine) -> None:
    other = SearchDocument(index="others", tenant_id=MINE, id=uuid4(), version=1, values={"name": "Book", "code": 7})
    await engine.put(film(MINE, "Film", code="7"), other)
    assert await engine.titles(MINE, filter=FieldSpecification("code", Op.IS_NULL, False)) == ["Film"]
    assert await engine.titles(MINE, filter=FieldSpecification("code", Op.EQ, "7")) == ["Film"]
    assert await engine.titles(MINE, indexes=("others",), filter=FieldSpecification("code", Op.EQ, 7)) == ["Book"]


async def test_several_indexes_are_searched_together_and_only_those_named(engine: Engine) -> None:
    other = SearchDocument(index="others", tenant_id=MINE, id=uuid4(), version=1, values={"name": "Alien books"})
    await engine.put(film(MINE, "Alien"), other)
    found = await engine.hits(MINE, "alien", indexes=("films", "others"))
    assert [(hit.index, hit.title) for hit in found] == [("films", "Alien"), ("others", "Alien books")]
    assert await engine.titles(MINE, "alien", indexes=("others",)) == ["Alien books"]


async def test_a_new_generation_receives_writes_and_is_swapped_in_and_back(engine: Engine) -> None:
    old = film(MINE, "Old")
    await engine.put(old)
    with pytest.raises(Conflict):
        await engine.index.swap("films")
    with pytest.raises(Conflict):
        await engine.index.revert("films")
    await engine.index.begin("films")
    meanwhile = film(MINE, "Meanwhile", version=2)
    await engine.put(meanwhile)
    await engine.index.fill([replace(meanwhile, version=1), film(MINE, "Filled")])
    await engine.settle()
    assert sorted(await engine.titles(MINE)) == ["Meanwhile", "Old"], "the live generation is not filled"
    await engine.index.swap("films")
    await engine.settle()
    assert sorted(await engine.titles(MINE)) == ["Filled", "Meanwhile"]
    await engine.put(film(MINE, "Later"))
    await engine.index.revert("films")
    await engine.settle()
    assert sorted(await engine.titles(MINE)) == ["Later", "Meanwhile", "Old"], "the previous generation still receives writes"


async def test_beginning_again_replaces_what_was_begun(engine: Engine) -> None:
    await engine.index.begin("films")
    await engine.index.fill([film(MINE, "First attempt")])
    await engine.index.begin("films")
    await engine.index.swap("films")
    await engine.settle()
    assert await engine.titles(MINE) == []


async def test_states_name_the_definition_of_each_generation(engine: Engine) -> None:
    await engine.index.begin("films")
    state = next(one for one in await engine.index.states() if one.index == "films")
    assert state.digests == {Generation.LIVE: FILMS.digest, Generation.BUILDING: FILMS.digest}


async def test_a_scan_is_in_the_order_of_tenant_and_id_with_digests(engine: Engine) -> None:
    documents = [film(tenant, f"Film {n}") for n in range(30) for tenant in (MINE, OTHER)]
    await engine.put(*documents)
    expected = sorted((one.tenant_id, one.id, 1, one.digest) for one in documents)
    assert await _held(engine) == expected
    assert await _held(engine, Generation.BUILDING) == []


async def test_opening_again_changes_nothing(engine: Engine) -> None:
    await engine.put(film(MINE, "Here"))
    await engine.index.open()
    assert await engine.titles(MINE) == ["Here"]
    assert await engine.index.check()
