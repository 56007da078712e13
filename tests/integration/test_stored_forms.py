"""What was sent is answered, compared and versioned in the form in which it is stored; entry rules are not applied to stored values."""

import json
from uuid import uuid4

import pytest

from tests.integration.bad_input import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBERS = (1e23, 1e16, 9007199254740993, 123456789012345680.0, 1.0, 1.5, -0.0, 1e-7, 5e-324, 1e100, -1e22, 2**63, 10**40, 0.1)
SPELLINGS = ("Cafe\u0301", "Caf\u00e9 ", "\u200bCaf\u00e9", "\ufeffCaf\u00e9", "\tCafe\u0301\u00a0")


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_number_has_one_form(world: World, number: float) -> None:
    made = await world.api.item(world.person, attributes={"longer": 1, "n": number, "in": [{"b": number, "a": None}]})
    read = await world.send("GET", f"/api/v1/items/{made['id']}")
    assert json.dumps(read.json()["attributes"]) == json.dumps(made["attributes"])
    again = await world.send(
        "PATCH", f"/api/v1/items/{made['id']}", json={"attributes": read.json()["attributes"]}, headers={"If-Match": "*"}
    )
    assert again.json()["version"] == made["version"]
    patched = await world.send("PATCH", f"/api/v1/items/{made['id']}", json={"name": "Stool"}, headers={"If-Match": "*"})
    assert patched.status_code == 200, patched.text


@pytest.mark.parametrize("numbers", [[1e308] * 2000, [5e-324] * 60], ids=["large", "small"])
async def test_the_stored_size_is_limited(world: World, numbers: list[float]) -> None:
    refused = await world.send("POST", "/api/v1/items", json={"sku": "BIG", "name": "Big", "category": "x", "attributes": {"n": numbers}})
    assert refused.status_code == 422
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [("/body/attributes", "too_big")]


async def test_a_sku_is_unique_in_every_spelling(world: World) -> None:
    made = await world.api.item(world.person, sku="Caf\u00e9")
    for spelling in SPELLINGS:
        twin = await world.send("POST", "/api/v1/items", json={"sku": spelling, "name": "Twin", "category": "x"})
        assert twin.status_code == 409, spelling
        for operator in ("", "[in]", "[contains]", "[starts_with]", "[ge]"):
            found = await world.send("GET", "/api/v1/items", params={f"sku{operator}": spelling})
            assert made["id"] in [item["id"] for item in found.json()["items"]], (operator, spelling)
    found = await world.send("GET", "/api/v1/items", params={"q": "Cafe\u0301"})
    assert found.status_code == 200


@pytest.mark.parametrize("margin", ["", " ", "\u200b", "\u00a0", "\t"])
@pytest.mark.parametrize("field", ["sku", "name", "category"])
async def test_text_around_a_filter_value_is_trimmed_as_it_is_stored(world: World, field: str, margin: str) -> None:
    text = f"Living {uuid4()}"
    made = await world.api.item(world.person, **{field: f"{margin}{text}{margin}"})
    for operator in ("", "[in]"):
        found = await world.send("GET", "/api/v1/items", params={f"{field}{operator}": f"{margin}{text}{margin}"})
        assert [item["id"] for item in found.json()["items"]] == [made["id"]], operator


async def test_a_part_of_a_line_keeps_its_spaces(world: World) -> None:
    word = str(uuid4())
    names = [f"{word} room", f"{word}room"]
    for name in names:
        await world.api.item(world.person, name=name)
    for operator in ("contains", "starts_with"):
        for part, found in ((f"{word} ", names[:1]), (word, names)):
            answer = await world.send("GET", "/api/v1/items", params={f"name[{operator}]": part, "sort": "name"})
            assert [item["name"] for item in answer.json()["items"]] == found


@pytest.mark.parametrize(
    ("parameter", "value"), [("price.currency", "eur"), ("price.currency[in]", "EUR,eur"), ("status", "Published"), ("status", "PUBLISHED")]
)
async def test_a_filter_that_no_stored_value_can_match_is_refused(world: World, parameter: str, value: str) -> None:
    answer = await world.send("GET", "/api/v1/items", params={parameter: value})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/query/{parameter}"]


async def test_the_address_of_a_filter_is_brought_into_stored_form(world: World) -> None:
    administrator = await world.api.person(platform_admin=True)
    for parameter in ("email", "email[contains]", "email[in]"):
        params = {parameter: f" {world.person.email.upper()}"}
        found = await world.api.client.get("/api/v1/users", params=params, headers=administrator.headers)
        assert [user["id"] for user in found.json()["items"]] == [str(world.person.id)]


async def test_an_item_that_breaks_todays_rules_is_read_and_changed(world: World) -> None:
    made = await world.api.item(world.person)
    await world.database.execute(
        "update items set sku = $2, name = $3, category = $4, description = $5, tags = array['', ''], attributes = $6 where id = $1",
        made["id"],
        *("a\u200bb ", "\u200b", " x", "a\x1bb"),
        json.dumps({"n": [10**308] * 2000}),
    )
    path = f"/api/v1/items/{made['id']}"
    assert (await world.send("GET", path)).json()["name"] == "\u200b"
    assert (await world.send("PATCH", path, json={"category": "chairs"}, headers={"If-Match": "*"})).status_code == 200
    assert (await world.send("POST", f"{path}/archive", headers={"If-Match": "*"})).status_code == 200
    refused = await world.send("PATCH", path, json={"name": "\u200b"}, headers={"If-Match": "*"})
    assert refused.status_code == 422
    assert (await world.send("PATCH", path, json={"attributes": None}, headers={"If-Match": "*"})).json()["attributes"] == {}
    assert (await world.send("DELETE", path, headers={"If-Match": "*"})).status_code == 204
