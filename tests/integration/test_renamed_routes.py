"""`Router(rename="camel")`: the whole of a plain resource under other names, in every place where a client meets one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

import pytest
import pytest_asyncio
from annotated_types import Ge
from fastapi import Depends, Form, Query
from pydantic import Field

from api_base.application.common.cqrs import Bus
from api_base.application.common.listing import ListRequest, Page
from api_base.bootstrap.context import Context
from api_base.bootstrap.crud import Crud, crud
from api_base.core.errors import Invalid
from api_base.infrastructure.db.embedded import Urls
from api_base.interface.routes import ListQuery, RouteOptions, Router
from api_base.interface.v1.bodies import Body
from tests.application import Running
from tests.articles import Article, ArticleDTO, Desk, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

ARTICLES: Crud[Article, ArticleDTO] = crud(
    Article,
    ArticleDTO,
    name="articles",
    filters=("title", "page_views", "due_on", "list_price", "created_at"),
    sorts=("title", "page_views"),
    rename="camel",
)
SHOWN = {"id", "version", "createdAt", "updatedAt", "slug", "title", "pageViews", "dueOn", "listPrice"}
FULL = {"slug": "first-steps", "title": "First", "pageViews": 3, "dueOn": "2026-03-01", "listPrice": {"amount": "3.50", "currency": "EUR"}}


class LineBody(Body):
    unit_price: int
    free_form: dict[str, int] = Field(default_factory=dict)


class OrderBody(Body):
    order_lines: list[LineBody]
    ship_to: LineBody | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDTO:
    unit_price: int
    free_form: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDTO:
    order_lines: list[LineDTO]
    ship_to: LineDTO | None
    page_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDTO:
    both_lines: tuple[LineDTO, LineDTO]


def orders(bus: Bus) -> Router:
    del bus
    router = Router(prefix="/orders", tags=["orders"], rename="camel")

    @router.post("", RouteOptions(auth="optional"), summary="Send an order back")
    async def place_order(body: OrderBody, page_size: int = 10) -> OrderDTO:
        lines = [LineDTO(unit_price=one.unit_price, free_form=one.free_form) for one in body.order_lines]
        if any(one.unit_price == 13 for one in body.order_lines):
            raise Invalid.of("/order_lines/1/unit_price", "unlucky", "must not be 13")
        return OrderDTO(order_lines=lines, ship_to=None if body.ship_to is None else lines[0], page_size=page_size)

    @router.post("/form", RouteOptions(auth="optional"), summary="Send a form back")
    async def send_form(first_name: Annotated[str, Form(max_length=3)]) -> LineDTO:
        return LineDTO(unit_price=len(first_name), free_form={})

    @router.get("/by-view", RouteOptions(auth="optional", sparse=True), summary="List orders")
    async def list_orders(
        request: Annotated[ListRequest, Depends(ListQuery(ARTICLES.routes_of.fields))],
    ) -> Page[LineDTO]:
        return Page(items=[LineDTO(unit_price=len(repr(request.specification)), free_form={"a_b": 1})], next_cursor="x", total=1)

    @router.get("/pair", RouteOptions(auth="optional"), summary="Send a pair back")
    async def get_pair(page_size: Annotated[int, Query(), Ge(5)]) -> PairDTO:
        return PairDTO(both_lines=(LineDTO(unit_price=1, free_form={}), LineDTO(unit_price=page_size, free_form={"a_b": 1})))

    @router.post("/refusal", RouteOptions(auth="optional"), summary="Refuse a body")
    async def refuse_body(body: OrderBody, pointer: str) -> None:
        del body
        raise Invalid.of(pointer, "unlucky", "must not be 13")

    @router.post("/refusal/none", RouteOptions(auth="optional"), summary="Refuse without a body")
    async def refuse(pointer: str) -> None:
        raise Invalid.of(pointer, "unlucky", "must not be 13")

    @router.get("/{order_id}", RouteOptions(auth="optional"), summary="Send a query back")
    async def get_order(order_id: UUID, page_size: Annotated[int, Query(ge=5)]) -> LineDTO:
        return LineDTO(unit_price=page_size, free_form={"order_id": order_id.version or 0})

    return router


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("articles")
    contexts = [ARTICLES.context(migrations=folder)]
    async with serving(shared_migrated, folder, contexts, [Context(name="orders", routes=orders)]) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def desk(api: Running) -> Desk:
    """In a tenant of its own."""
    return Desk(api, await api.person())


@pytest.fixture
def placed(desk: Desk) -> Desk:
    return replace(desk, path="/api/v1/orders")


def pointers(answer: Any) -> list[str]:
    return [one["pointer"] for one in answer.json()["errors"]]


async def test_bodies_answers_and_patches_have_the_names(desk: Desk) -> None:
    created = await desk.send("POST", json=FULL)
    assert (created.status_code, created.headers["etag"]) == (201, '"v1-json1"'), created.text
    assert created.json().keys() == SHOWN
    assert {name: created.json()[name] for name in FULL} == FULL
    path = f"/{created.json()['id']}"
    patch = {"pageViews": 4, "dueOn": None, "listPrice": {"amount": "4.00"}}
    changed = await desk.send("PATCH", path, headers={"If-Match": created.headers["etag"]}, json=patch)
    assert changed.status_code == 200, changed.text
    assert changed.json()["listPrice"] == {"amount": "4.00", "currency": "EUR"}
    assert (changed.json()["pageViews"], changed.json()["dueOn"]) == (4, None)
    assert (await desk.send("GET", path)).json() == changed.json()
    assert (await desk.send("GET", path, headers={"If-None-Match": changed.headers["etag"]})).status_code == 304
    assert (await desk.send("DELETE", path, headers={"If-Match": changed.headers["etag"]})).status_code == 204


async def test_only_these_names_are_known(desk: Desk) -> None:
    answer = await desk.send("POST", json={"slug": "one", "title": "One", "page_views": 3})
    assert (answer.status_code, pointers(answer)) == (422, ["/body/page_views"])
    made = await desk.made()
    answer = await desk.send("PATCH", f"/{made['id']}", headers={"If-Match": "*"}, json={"due_on": None, "pageViews": "4"})
    assert sorted(pointers(answer)) == ["/body/due_on", "/body/pageViews"]


async def test_what_a_rule_refuses_has_the_name(desk: Desk) -> None:
    answer = await desk.send("POST", json=FULL | {"listPrice": {"amount": "1.234", "currency": "EUR"}})
    assert (answer.status_code, pointers(answer)) == (422, ["/body/listPrice/amount"])
    answer = await desk.send("POST", json={"pageViews": 2**63})
    assert sorted(pointers(answer)) == ["/body/pageViews", "/body/slug", "/body/title"]


async def test_lists_are_filtered_sorted_and_reduced_by_the_names(desk: Desk) -> None:
    for number in range(4):
        price = {"amount": f"{number}.00", "currency": "EUR"}
        await desk.made(title=f"a{number}", pageViews=number % 2, listPrice=price, dueOn=f"2026-01-0{number + 1}")
    page = await desk.send("GET", "?pageViews[ge]=1&sort=-pageViews,title&includeTotal=true&fields=title,pageViews&limit=1")
    assert page.json() == {"items": [{"title": "a1", "pageViews": 1}], "nextCursor": page.json()["nextCursor"], "total": 2}, page.text
    following = await desk.send("GET", f"?pageViews[ge]=1&sort=-pageViews,title&fields=title&limit=1&cursor={page.json()['nextCursor']}")
    assert following.json()["items"] == [{"title": "a3"}]
    answer = await desk.send("GET", "?listPrice.currency=EUR&listPrice.amount[gt]=1.00&sort=title&fields=title")
    assert [one["title"] for one in answer.json()["items"]] == ["a2", "a3"]
    answer = await desk.send("GET", "?dueOn=2026-01-02&createdAt[ge]=2020-01-01T00:00:00Z&deletedAt[is_null]=true")
    assert [one["title"] for one in answer.json()["items"]] == ["a1"]


async def test_what_a_list_refuses_has_the_name(desk: Desk) -> None:
    answer = await desk.send("GET", "?page_views=1&pageViews[near]=1&sort=page_views&include_total=true&listPrice.amount[gt]=1")
    assert sorted(pointers(answer)) == [
        "/query/include_total", "/query/listPrice.amount[gt]", "/query/pageViews[near]", "/query/page_views", "/query/sort",
    ]  # fmt: skip
    assert "requires a filter listPrice.currency=…" in answer.text
    assert "allowed are pageViews, createdAt" not in answer.text
    assert "'page_views' is not a sortable field; allowed are createdAt, pageViews, title" in answer.text
    answer = await desk.send("GET", "?fields=page_views,pageViews")
    assert pointers(answer) == ["/query/fields"]
    assert "there are createdAt, dueOn, id" in answer.text


async def test_nested_bodies_and_answers_have_the_names_and_free_objects_keep_theirs(placed: Desk) -> None:
    line = {"unitPrice": 2, "freeForm": {"some_key": 1, "otherKey": 2}}
    answer = await placed.send("POST", "?pageSize=3", json={"orderLines": [line, line], "shipTo": line})
    assert answer.json() == {"orderLines": [line, line], "shipTo": line, "pageSize": 3}, answer.text
    refused = await placed.send("POST", json={"orderLines": [{"unitPrice": "2", "unit_price": 2}, {"freeForm": {"some_key": "x"}}]})
    assert sorted(pointers(refused)) == [
        "/body/orderLines/0/unitPrice", "/body/orderLines/0/unit_price", "/body/orderLines/1/freeForm/some_key", "/body/orderLines/1/unitPrice",
    ]  # fmt: skip
    refused = await placed.send("POST", json={"orderLines": [line, {"unitPrice": 13}]})
    assert pointers(refused) == ["/body/orderLines/1/unitPrice"]


async def test_values_of_the_query_and_of_forms_have_the_names(placed: Desk) -> None:
    id = "0198c6f2-7d3e-7c44-8d9b-3f0c5b1f2a10"
    assert (await placed.send("GET", f"/{id}?pageSize=7")).json() == {"unitPrice": 7, "freeForm": {"order_id": 7}}
    assert pointers(await placed.send("GET", f"/{id}?pageSize=4")) == ["/query/pageSize"]
    assert sorted(pointers(await placed.send("GET", f"/{id}?page_size=7"))) == ["/query/pageSize", "/query/page_size"]
    assert pointers(await placed.send("GET", "/none?pageSize=7")) == ["/path/order_id"]
    assert (await placed.send("POST", "/form", data={"firstName": "Ana"})).json()["unitPrice"] == 3
    assert pointers(await placed.send("POST", "/form", data={"firstName": "Anna"})) == ["/body/firstName"]


async def test_a_list_of_ones_own_has_the_names(placed: Desk) -> None:
    answer = await placed.send("GET", "/by-view?pageViews=1")
    assert answer.json()["items"][0]["freeForm"] == {"a_b": 1}
    assert answer.json() == {"items": answer.json()["items"], "nextCursor": "x", "total": 1}
    reduced = await placed.send("GET", "/by-view?fields=freeForm")
    assert reduced.json()["items"] == [{"freeForm": {"a_b": 1}}]


async def test_the_document_has_the_names(desk: Desk) -> None:
    document: dict[str, Any] = desk.api.app.openapi()
    schemas, paths = document["components"]["schemas"], document["paths"]

    def schema(content: Any, number: int = 0) -> Any:
        found = next(iter(content["content"].values()))["schema"]
        return schemas[found.get("anyOf", [found])[number]["$ref"].rpartition("/")[2]]

    made = paths["/api/v2/articles"]["post"]
    assert schema(made["requestBody"])["properties"].keys() == {"slug", "title", "pageViews", "dueOn", "listPrice"}
    assert schema(made["requestBody"])["additionalProperties"] is False
    assert schema(made["responses"]["201"])["properties"].keys() == SHOWN
    patch = schema(paths["/api/v2/articles/{id}"]["patch"]["requestBody"])
    assert patch["properties"].keys() == {"slug", "title", "pageViews", "dueOn", "listPrice"}
    assert not any("default" in one for one in patch["properties"].values())
    listed = paths["/api/v2/articles"]["get"]
    names = {one["name"] for one in listed["parameters"]}
    assert {"pageViews", "dueOn", "listPrice.amount", "includeTotal", "createdAt", "deletedAt"} <= names
    assert schema(listed["responses"]["200"])["properties"].keys() == {"items", "nextCursor", "total"}
    sparse = schemas[schema(listed["responses"]["200"], 1)["properties"]["items"]["items"]["$ref"].rpartition("/")[2]]
    assert sparse["properties"].keys() == SHOWN
    (fields,) = [one["schema"]["pattern"] for one in listed["parameters"] if one["name"] == "fields"]
    assert set(fields.partition("(")[2].partition(")")[0].split("|")) == SHOWN
    order = schema(paths["/api/v2/orders"]["post"]["requestBody"])
    assert schemas[order["properties"]["orderLines"]["items"]["$ref"].rpartition("/")[2]]["properties"].keys() == {"unitPrice", "freeForm"}
    assert {one["name"] for one in paths["/api/v2/orders/{order_id}"]["get"]["parameters"]} == {"order_id", "pageSize"}


async def test_graphql_has_its_own_names_of_the_same_routes(desk: Desk) -> None:
    text = 'mutation { createArticle(input: {slug: "steps", title: "One", pageViews: 2}) { article { pageViews } } }'
    answer = await desk.api.client.post("/graphql", json={"query": text}, headers=desk.person.headers)
    assert answer.json()["data"]["createArticle"]["article"] == {"pageViews": 2}, answer.text


async def test_other_routers_keep_theirs(desk: Desk) -> None:
    answer = await replace(desk, path="/api/v1/items").send("POST", json={"sku": "A", "name": "Chair", "category": "furniture"})
    assert "created_at" in answer.json()


@pytest.mark.parametrize(
    ("path", "pointer", "shown"),
    [
        ("", "/order_lines/0/unit_price", "/body/orderLines/0/unitPrice"),
        ("", "/order_lines/0/free_form/a_b", "/body/orderLines/0/freeForm/a_b"),
        ("", "/no_member/a_b", "/body/no_member/a_b"),
        ("", "/query/page_size", "/query/page_size"),
        ("/none", "/no_member/a_b", "/body/noMember/a_b"),
        ("/none", "/path/order_id", "/path/order_id"),
    ],
)
async def test_a_pointer_of_the_function_has_the_names_of_what_it_points_to(placed: Desk, path: str, pointer: str, shown: str) -> None:
    body = {"orderLines": [{"unitPrice": 2}]} if path == "" else None
    assert pointers(await placed.send("POST", f"/refusal{path}?pointer={pointer}", json=body)) == [shown]


async def test_tuples_have_the_names_and_constraints_beside_the_declaration_stay(placed: Desk) -> None:
    answer = await placed.send("GET", "/pair?pageSize=5")
    assert answer.json() == {"bothLines": [{"unitPrice": 1, "freeForm": {}}, {"unitPrice": 5, "freeForm": {"a_b": 1}}]}
    assert pointers(await placed.send("GET", "/pair?pageSize=4")) == ["/query/pageSize"]
