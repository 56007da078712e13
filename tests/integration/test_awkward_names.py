"""Attributes whose names mean something elsewhere, in SQL, pydantic, HTTP or Python, are created, filtered, sorted, changed and shown like any other."""

from collections.abc import AsyncIterator
from dataclasses import field, make_dataclass
from typing import Annotated, Any

import pytest
import pytest_asyncio

from api_base.application.common.resources import ResourceDTO
from api_base.bootstrap.crud import Crud, crud
from api_base.core.shared.naming import camel
from api_base.core.types import TenantId
from api_base.domain.common.resource import RestorableResource
from api_base.domain.common.text import TextRule
from api_base.infrastructure.db.embedded import Urls
from tests.application import Running
from tests.articles import Desk, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = (
    "timestamp", "value", "text", "date", "year", "level", "role", "key", "count", "position", "name", "type", "copy", "schema", "json", "dict", "validate", "construct", "parse_obj", "model_name",
    "query", "path", "body", "request", "expected", "headers", "status_code", "response", "etag",
    "tenant", "folded", "after", "whole", "candidates", "newest", "titles", "parts", "ids", "scores", "complete", "weights", "near", "every", "terms", "cut", "score", "size", "listed", "asked", "wanted", "part", "n", "any_of", "has_whole",
    "items", "keys", "get", "metadata", "registry", "c", "columns", "input", "node", "nodes",
)  # fmt: skip
"""Keywords of Python and reserved words of SQL are refused at start."""
FILTERED = NAMES[:12]


def made(name: str, base: type, owner: dict[str, Any], **options: Any) -> Any:
    texts = [(one, Annotated[str, TextRule(max_length=20)], field(default="none")) for one in NAMES]
    shown = [(one, str) for one in NAMES]
    members: Any = [*owner.items(), *(texts if owner else shown)]
    return make_dataclass(name, members, bases=(base,), module=__name__, slots=True, kw_only=True, **options)


Matter = made("Matter", RestorableResource, {"tenant_id": TenantId}, eq=False)
Thing = made("Thing", RestorableResource, {"tenant_id": TenantId}, eq=False)
ThingDTO = made("ThingDTO", ResourceDTO, {}, frozen=True)
THINGS: Crud[Any, Any] = crud(Thing, ThingDTO, name="things", filters=FILTERED, sorts=FILTERED, search=("name", "value"))
MATTERS: Crud[Any, Any] = crud(Matter, ThingDTO, name="matters", filters=FILTERED, sorts=FILTERED, rename="camel")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folders = [tmp_path_factory.mktemp(one) for one in ("things", "matters")]
    contexts = [THINGS.context(migrations=folders[0]), MATTERS.context(migrations=folders[1])]
    async with serving(shared_migrated, folders[0], contexts) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", params=["things", "matters"])
async def desk(api: Running, request: pytest.FixtureRequest) -> Desk:
    return Desk(api, await api.person(), f"/api/v1/{request.param}")


async def test_each_is_created_changed_and_shown(desk: Desk) -> None:
    wire = {name: name if "things" in desk.path else camel(name) for name in NAMES}
    sent = {wire[name]: f"{number}" for number, name in enumerate(NAMES)}
    created = await desk.send("POST", json=sent)
    assert created.status_code == 201, created.text
    assert {name: created.json()[name] for name in sent} == sent
    path = f"/{created.json()['id']}"
    for name in wire.values():
        changed = await desk.send("PATCH", path, headers={"If-Match": "*"}, json={name: "changed"})
        assert (changed.status_code, changed.json()[name]) == (200, "changed"), changed.text
        narrow = await desk.send("GET", f"{path}?fields={name}")
        assert (narrow.status_code, narrow.json()) == (200, {name: "changed"}), narrow.text


async def test_lists_are_filtered_and_sorted_by_each(desk: Desk) -> None:
    for value in ("b", "a"):
        assert (await desk.send("POST", json=dict.fromkeys(FILTERED, value))).status_code == 201
    for name in FILTERED:
        found = await desk.send("GET", f"?sort={name}&{name}=a")
        assert (found.status_code, [one[name] for one in found.json()["items"]]) == (200, ["a"]), found.text
        found = await desk.send("GET", f"?sort={name}")
        assert [one[name] for one in found.json()["items"]][:2] == ["a", "b"], found.text


@pytest.mark.slow
async def test_graphql_shows_each(api: Running) -> None:
    desk = Desk(api, await api.person(), "/api/v1/things")
    created = await desk.send("POST", json=dict.fromkeys(NAMES, "x"))
    shown = " ".join(camel(one) for one in NAMES)
    asked = {"query": f"{{ things(first: 1) {{ edges {{ node {{ {shown} }} }} }} }}"}
    answer = await api.client.post("/graphql", json=asked, headers=desk.person.headers)
    assert created.status_code == 201
    (edge,) = answer.json()["data"]["things"]["edges"]
    assert set(edge["node"].values()) == {"x"}


async def test_a_search_reads_its_own_variables_and_not_the_columns(api: Running) -> None:
    desk = Desk(api, await api.person(), "/api/v1/things")
    texts = ("green tea", "green", "black tea", "coffee")
    for text in texts:
        assert (await desk.send("POST", json=dict.fromkeys(NAMES, "none") | {"name": text})).status_code == 201
    for q, expected in (("green tea", texts[:1]), ("gre", texts[:2]), ("tea grene", [texts[0]]), ("coffe", texts[3:])):
        found = await desk.send("GET", f"?q={q}&sort=name")
        assert (found.status_code, [one["name"] for one in found.json()["items"]]) == (200, sorted(expected)), (q, found.text)
