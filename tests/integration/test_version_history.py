"""A resource whose fields have had the names of others: each version reads, writes, filters and imports its own."""

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

import pytest
import pytest_asyncio

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.infrastructure.db.embedded import Urls
from tests.application import Running
from tests.articles import Desk, serving
from tests.gears import CHANGES, GEARS, NEWEST, SHOWN, of_version
from tests.integration.test_upload_imports import Desk as ImportDesk

pytestmark = pytest.mark.asyncio(loop_scope="module")

VERSIONS: Final = (2, 3, 4, 5)


@pytest.fixture(scope="module")
def gears(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return replace(GEARS.context(migrations=tmp_path_factory.mktemp("gears") / "gears"), changes=CHANGES)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls, gears: Context, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with serving(shared_migrated, tmp_path_factory.mktemp("gears"), [gears]) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def desks(api: Running) -> dict[int, Desk]:
    """Clients of all versions in one tenant."""
    person = await api.person()
    return {number: Desk(api, person, f"/api/v{number}/gears") for number in VERSIONS}


def shown(found: dict[str, Any], number: int) -> dict[str, Any]:
    return {name: found[name] for name in SHOWN[number]}


async def read(desk: Desk, number: int, slug: str = "g-1") -> dict[str, Any]:
    answer = await desk.send("GET", f"/{slug}")
    assert answer.status_code == 200, answer.text
    return shown(answer.json(), number)


async def test_each_version_shows_its_own(desks: dict[int, Desk]) -> None:
    created = await desks[5].send("POST", json=NEWEST)
    assert created.status_code == 201, created.text
    assert {number: await read(desks[number], number) for number in VERSIONS} == {number: of_version(number) for number in VERSIONS}


@pytest.mark.parametrize("number", VERSIONS)
async def test_what_a_version_writes_is_what_it_shows(desks: dict[int, Desk], number: int) -> None:
    sent = of_version(number, level="high")
    created = await desks[number].send("POST", json=sent)
    assert (created.status_code, shown(created.json(), number)) == (201, sent), created.text
    assert await read(desks[5], 5) == {**NEWEST, "level": "high"}


@pytest.mark.parametrize("number", VERSIONS)
async def test_a_patch_with_what_was_shown_changes_nothing(desks: dict[int, Desk], number: int) -> None:
    """Clients read, change one field, and send the whole back: the values that they do not know stay."""
    await desks[5].send("POST", json=NEWEST)
    found = await desks[number].send("GET", "/g-1")
    sent = shown(found.json(), number)
    answer = await desks[number].send("PATCH", "/g-1", headers={"If-Match": found.headers["etag"]}, json=sent)
    assert (answer.status_code, shown(answer.json(), number)) == (200, sent), answer.text
    assert await read(desks[5], 5) == NEWEST
    again = await desks[number].send("PATCH", "/g-1", headers={"If-Match": "*"}, json=sent)
    assert again.status_code == 200, again.text
    assert (await read(desks[5], 5), again.json()["version"]) == (NEWEST, 1)


@pytest.mark.parametrize(("stored", "sent", "then"), [("urgent", "low", "low"), ("low", "high", "high"), ("high", "high", "high")])
async def test_a_patch_with_another_value_changes_it(desks: dict[int, Desk], stored: str, sent: str, then: str) -> None:
    await desks[5].send("POST", json={**NEWEST, "level": stored})
    older = "minor" if sent == "low" else sent
    answer = await desks[2].send("PATCH", "/g-1", headers={"If-Match": "*"}, json={"lvl": older, "label": "Other"})
    assert (answer.status_code, answer.json()["lvl"]) == (200, older), answer.text
    assert await read(desks[5], 5) == {**NEWEST, "level": then, "name": "Other"}


async def test_a_stale_patch_is_refused_whatever_it_sends(desks: dict[int, Desk]) -> None:
    await desks[5].send("POST", json=NEWEST)
    tag = (await desks[2].send("GET", "/g-1")).headers["etag"]
    await desks[5].send("PATCH", "/g-1", headers={"If-Match": "*"}, json={"level": "low"})
    answer = await desks[2].send("PATCH", "/g-1", headers={"If-Match": tag}, json={"lvl": "high"})
    assert answer.status_code == 412, answer.text
    assert (await read(desks[5], 5))["level"] == "low"


@pytest.mark.parametrize(
    ("number", "query", "found"),
    [
        (4, "level=high", "bc"),
        (4, "level[ne]=high", "a"),
        (4, "level[in]=high,low", "abc"),
        (4, "level[is_null]=true", "d"),
        (2, "lvl=high", "bc"),
        (2, "lvl=minor", "a"),
        (2, "lvl[in]=minor", "a"),
        (2, "name=code-a", "a"),
        (2, "label=b", "b"),
        (2, "alpha=beta-c&beta=alpha-c", "c"),
        (3, "moment=2027-02-03 x 1", "b"),
        (2, "at=2027-02-03 x 1", "b"),
        (2, "at=2027-02-03 x 7", ""),
        (2, "key=gear-d", "d"),
    ],
)
async def test_lists_are_filtered_by_the_fields_of_their_version(desks: dict[int, Desk], number: int, query: str, found: str) -> None:
    for place, (letter, level) in enumerate([("a", "low"), ("b", "high"), ("c", "urgent"), ("d", None)]):
        named = {"slug": f"gear-{letter}", "name": letter, "code": f"code-{letter}", "alpha": f"alpha-{letter}", "beta": f"beta-{letter}"}
        answer = await desks[5].send("POST", json={**NEWEST, **named, "level": level, "number": place})
        assert answer.status_code == 201, answer.text
    listed = await desks[number].rows(**dict(one.split("=", 1) for one in query.split("&")))
    assert "".join(sorted(one["key"][-1] for one in listed)) == found


@pytest.mark.parametrize(
    ("number", "query", "pointer"),
    [
        (3, "moment=2027-02-03", "/query/moment"),
        (2, "at=2027-02-03", "/query/at"),
        (2, "at=never x 1", "/query/at"),
        (2, "at=2027-02-30 x 1", "/query/at"),
        (2, "at=2027-02-03 x many", "/query/at"),
        (2, f"at=2027-02-03 x {'9' * 19}", "/query/at"),
        (2, "moment=2027-02-03 x 1", "/query/moment"),
    ],
)
async def test_a_filter_is_refused_by_the_name_that_was_sent(desks: dict[int, Desk], number: int, query: str, pointer: str) -> None:
    name, _, value = query.partition("=")
    answer = await desks[number].send("GET", params={name: value})
    assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, [pointer]), answer.text


@pytest.mark.parametrize(
    ("number", "sent", "pointer"),
    [
        (2, {"name": "x" * 21}, "/body/name"),
        (2, {"label": "x" * 21}, "/body/label"),
        (2, {"label": "\u202e"}, "/body/label"),
        (2, {"name": "\u202e"}, "/body/name"),
        (2, {"alpha": "\u202e"}, "/body/alpha"),
        (2, {"at": "soon"}, "/body/at"),
        (2, {"at": "soon x 1"}, "/body/at"),
        (3, {"moment": "2027-02-03 x many"}, "/body/moment"),
        (2, {"cents": -1}, "/body/cents"),
        (2, {"lvl": "urgent"}, "/body/lvl"),
        (2, {"lvl": "low"}, "/body/lvl"),
        (2, {"code": "C"}, "/body/code"),
    ],
)
async def test_a_refusal_points_to_what_was_sent(desks: dict[int, Desk], number: int, sent: dict[str, Any], pointer: str) -> None:
    await desks[5].send("POST", json=NEWEST)
    for answer in (
        await desks[number].send("POST", json={**of_version(number, slug="g-2"), **sent}),
        await desks[number].send("PATCH", "/g-1", headers={"If-Match": "*"}, json=sent),
    ):
        assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, [pointer]), answer.text
        assert answer.json()["detail"].startswith(f"{pointer}: ")
    assert await read(desks[5], 5) == NEWEST


@pytest.mark.parametrize("number", VERSIONS)
async def test_sentences_name_the_key_as_the_version_does(desks: dict[int, Desk], number: int) -> None:
    key = "slug" if number == 5 else "key"
    await desks[5].send("POST", json=NEWEST)
    taken = await desks[number].send("POST", json=of_version(number))
    assert (taken.status_code, taken.json()["detail"].split()[0]) == (409, key), taken.text
    assert taken.json()["detail"].endswith(f"or choose another {key}.")
    missing = await desks[number].send("GET", "/nothing")
    assert (missing.status_code, missing.json()["detail"]) == (404, f"No gear with the {key} nothing exists.")


@pytest.mark.parametrize("number", VERSIONS)
async def test_a_document_has_the_fields_and_the_example_of_its_version(api: Running, number: int) -> None:
    document = (await api.client.get(f"/openapi/v{number}.json")).json()
    schemas = document["components"]["schemas"]
    assert [name for name in schemas["GearDTO"]["properties"] if name in SHOWN[number]] == list(SHOWN[number])
    content = document["paths"][f"/api/v{number}/gears"]["post"]["requestBody"]["content"]["application/json"]
    assert content["example"].keys() <= {*SHOWN[number]}
    assert {*schemas["CreateGearBody"]["required"]} <= content["example"].keys()
    targets = document["paths"][f"/api/v{number}/gears/imports"]["post"]
    assert f"The targets are {', '.join(_targets(number))}." in targets["description"]
    assert targets.get("deprecated", False) is (number < 5)


def _targets(number: int) -> list[str]:
    return [name for one in SHOWN[number] for name in ([one, "price_currency"] if one == "price" else [one])]


@pytest_asyncio.fixture(loop_scope="module")
async def importing(api: Running, desks: dict[int, Desk], shared_migrated: Urls, gears: Context) -> dict[int, ImportDesk]:
    return {
        number: ImportDesk(api, shared_migrated, desks[5].person, f"/api/v{number}/gears/imports", [*BUILT_IN, gears])
        for number in VERSIONS
    }


async def imported(desk: ImportDesk, content: str, options: str = "", media_type: str = "text/csv") -> dict[str, Any]:
    answer = await desk.send(content, options, media_type)
    assert answer.status_code == 202, answer.text
    async with desk.worker():
        job = await desk.ended(answer.headers["location"])
    assert job["state"] == "succeeded", job
    found: dict[str, Any] = job["result"]
    return found


@pytest.mark.parametrize("media_type", ["text/csv", "application/jsonl"])
@pytest.mark.parametrize("number", VERSIONS)
async def test_what_a_version_exports_it_imports_and_nothing_changes(
    desks: dict[int, Desk], importing: dict[int, ImportDesk], number: int, media_type: str
) -> None:
    await desks[5].send("POST", json=NEWEST)
    await desks[5].send("POST", json={**NEWEST, "slug": "g-2", "level": None, "price": None})
    key = SHOWN[number][0]
    exported = await desks[number].send("GET", f"?fields={','.join(SHOWN[number])}&sort={key}", headers={"Accept": media_type})
    assert exported.status_code == 200, exported.text
    result = await imported(importing[number], exported.text, "" if media_type == "text/csv" else "format=jsonl", media_type)
    assert (result["unchanged"], result["created"], result["updated"], result["refused"]) == (2, 0, 0, 0), result
    assert await read(desks[5], 5) == NEWEST


@pytest.mark.parametrize("number", VERSIONS)
async def test_a_file_of_a_version_creates_and_changes(desks: dict[int, Desk], importing: dict[int, ImportDesk], number: int) -> None:
    await desks[5].send("POST", json=NEWEST)
    changed = of_version(number, name="Other", code="O1", alpha="one", beta="two", due_on="2027-05-06", level="low")
    created = of_version(number, slug="g-2", level="high")
    lines = [json.dumps(one) for one in (changed, created)]
    result = await imported(importing[number], "\n".join(lines), "format=jsonl", "application/jsonl")
    assert (result["updated"], result["created"], result["refused"]) == (1, 1, 0), result
    assert [await read(desks[number], number), await read(desks[number], number, "g-2")] == [changed, created]
    stored = {**NEWEST, "name": "Other", "code": "O1", "alpha": "one", "beta": "two", "due_on": "2027-05-06", "level": "low"}
    assert await read(desks[5], 5) == stored


async def test_a_refused_row_names_the_columns_of_its_version(desks: dict[int, Desk], importing: dict[int, ImportDesk]) -> None:
    rows = [
        {**of_version(2, slug="gear-a"), "at": "soon"},
        {**of_version(2, slug="gear-b"), "name": "x" * 21},
        {**of_version(2, slug="gear-c"), "label": "\u202e"},
        {**of_version(2, slug="gear-d"), "cents": "-1"},
        {**of_version(2, slug="gear-e"), "cents": "many"},
        {**of_version(2, slug="gear-f"), "lvl": "low"},
        {**of_version(2, slug="Not a slug")},
        {**of_version(2, slug="gear-h"), "at": "2027-02-30 x 1"},
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, SHOWN[2])
    writer.writeheader()
    writer.writerows(rows)
    result = await imported(importing[2], text.getvalue())
    reasons = [one["reason"].split()[0] for one in result["refused_rows"]]
    assert reasons == ["at", "name", "label", "cents", "cents", "lvl", "key", "at"], result
    assert (await desks[5].rows()) == []


async def test_columns_are_mapped_to_the_fields_of_the_version(desks: dict[int, Desk], importing: dict[int, ImportDesk]) -> None:
    mapping = "map=key=Id&map=label=Title&map=name=Code&set=at=2027-02-03 x 9&set=lvl=minor"
    result = await imported(importing[2], "Id,Title,Code\ng-1,Wheel,W1\n", mapping)
    assert result["created"] == 1, result
    found = await read(desks[5], 5)
    assert found == {**NEWEST, "alpha": "a", "beta": "b", "level": "low", "number": 9, "price": None}
    for wrong, said in (
        ("map=slug=Id", "'slug' in 'slug=Id' is not a target"),
        ("map=key=Id&map=label=Title&map=name=Code&set=lvl=urgent", "lvl=urgent: "),
        ("map=key=Id&map=label=Title&map=name=Code&set=at=soon", "at=soon: must be a day and a number"),
    ):
        refused = await importing[2].send("Id,Title,Code\ng-2,Wheel,W1\n", wrong)
        assert (refused.status_code, said in refused.json()["detail"]) == (422, True), refused.text


async def test_an_import_of_nothing_known_is_not_found(importing: dict[int, ImportDesk]) -> None:
    answer = await importing[2].ask(str(uuid4()))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/file_id"), answer.text


async def mutated(api: Running, desk: Desk, name: str, fields: str) -> Any:
    query = f"mutation {{ {name}({fields}) {{ gear {{ slug name code label alpha beta level lvl }} }} }}"
    answer = await api.client.post("/graphql", json={"query": query}, headers=desk.person.headers)
    assert (answer.status_code, answer.json().get("errors")) == (200, None), answer.text
    return answer.json()["data"][name]["gear"]


async def test_graphql_has_the_newest_meaning_of_each_name(api: Running, desks: dict[int, Desk]) -> None:
    """`name` was another field once, and so were `alpha` and `beta`: what GraphQL takes under a name is what it shows under it."""
    made = await mutated(
        api, desks[5], "createGear", 'input: {slug: "g-1", name: "Wheel", code: "W1", alpha: "first", beta: "second", level: HIGH}'
    )
    found = {"slug": "g-1", "name": "Wheel", "code": "W1", "label": "Wheel", "alpha": "first", "beta": "second", "level": "HIGH"}
    assert {name: made[name] for name in found} == found
    assert await read(desks[5], 5) == {**NEWEST, "level": "high", "due_on": "2020-01-01", "number": 0, "price": None}
    older = await mutated(
        api, desks[5], "createGear", 'input: {key: "g-2", label: "Wheel", code: "W1", moment: "2027-02-03 x 4", cents: 1250}'
    )
    assert (older["name"], older["code"], older["alpha"]) == ("Wheel", "W1", "a")
    assert await read(desks[5], 5, "g-2") == {**NEWEST, "slug": "g-2", "alpha": "a", "beta": "b", "level": None}


async def test_graphql_points_to_the_field_that_was_sent(api: Running, desks: dict[int, Desk]) -> None:
    query = "mutation($input: CreateGearInput!) { createGear(input: $input) { gear { slug } } }"
    newest = {"slug": "g-1", "name": "Wheel", "code": "W1"}
    for sent, place in (
        ({**newest, "name": "x" * 21}, "/input/name"),
        ({**newest, "code": "x" * 21}, "/input/code"),
        ({"slug": "g-1", "label": "x" * 21, "code": "W1"}, "/input/label"),
        ({**newest, "moment": "soon"}, "/input/moment"),
        ({"slug": "g-1", "code": "W1"}, "/input/name"),
        ({**newest, "label": "Wheel"}, "/input/label"),
    ):
        answer = await api.client.post("/graphql", json={"query": query, "variables": {"input": sent}}, headers=desks[5].person.headers)
        [error] = answer.json()["errors"]
        assert [one["pointer"] for one in error["extensions"]["errors"]] == [place], answer.text
