"""The OpenAPI document is true to what the routes declare; what holds for the whole of it is in tests/architecture."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from fastapi import APIRouter
from openapi_spec_validator import OpenAPIV32SpecValidator, validate

from api_base.bootstrap.application import create_app
from api_base.core.config import Settings
from api_base.core.errors import ProgrammingError
from api_base.interface import openapi
from api_base.interface.openapi.compatibility import changes
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.v1 import health_router
from api_base.testing.keys import pem
from tests.http_harness import ThingDTO, shell, things, trouble

type Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    here = shell(things(), trouble())
    openapi.install(here.app, {1: [*here.routers, ("", health_router.routes([]))]}, version="1.2.3", schemes=here.schemes.all)
    found: Json = here.app.openapi()
    return found


def operations(document: Json) -> dict[str, Json]:
    return {one["operationId"]: one for path in document["paths"].values() for one in path.values()}


def test_the_document_is_valid(document: Json) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"] == "1.2.3"


async def test_the_document_is_served() -> None:
    here = shell(things())
    openapi.install(here.app, {1: here.routers}, version="1", schemes=here.schemes.all)
    here.app.include_router(openapi.routes(here.app))
    async with here.client() as client:
        answer = await client.get("/openapi.json")
    assert answer.json() == here.app.openapi()
    assert here.recorder.last[2] == "/openapi.json"


def test_operations_are_named_as_methods(document: Json) -> None:
    assert {"create_thing", "list_things", "get_thing", "update_thing", "delete_thing", "health_ready"} <= operations(document).keys()


def test_every_error_answer_is_a_problem(document: Json) -> None:
    for operation in operations(document).values():
        for status, response in operation["responses"].items():
            if int(status) >= 400 and "$ref" in response:
                name = response["$ref"].rpartition("/")[2]
                assert list(document["components"]["responses"][name]["content"]) == ["application/problem+json"]


def test_conditions_are_shown(document: Json) -> None:
    change, read = operations(document)["update_thing"], operations(document)["get_thing"]
    assert {"412", "428", "413", "415", "409", "404"} <= change["responses"].keys()
    (condition,) = [one for one in change["parameters"] if one["in"] == "header"]
    assert (condition["name"], condition["required"]) == ("If-Match", True)
    assert "304" in read["responses"]
    assert "ETag" in read["responses"]["200"]["headers"]
    assert {"application/json", "application/merge-patch+json"} == change["requestBody"]["content"].keys()
    schema = document["components"]["schemas"]["ThingBody"]["properties"]
    assert all("default" not in one for one in schema.values())


def test_what_is_created_has_a_place_and_an_example(document: Json) -> None:
    create = operations(document)["create_thing"]
    assert {"Location", "ETag", "X-Request-ID", "RateLimit"} <= create["responses"]["201"]["headers"].keys()
    assert create["requestBody"]["content"]["application/json"]["example"] == {"name": "a"}


def test_filters_are_shown_with_their_operators(document: Json) -> None:
    parameters = {one["name"]: one for one in operations(document)["list_things"]["parameters"]}
    assert {"limit", "cursor", "sort", "q", "include_total", "fields", "name", "version"} == parameters.keys()
    assert parameters["name"]["style"] == "deepObject"
    assert "starts_with" in parameters["name"]["schema"]["properties"]
    assert "starts_with" not in parameters["version"]["schema"]["properties"]


def test_security_is_shown(document: Json) -> None:
    named = operations(document)
    assert named["login"]["security"] == []
    assert named["who_asks"]["security"] == [{"password": []}, {"bearer": []}]
    flow = document["components"]["securitySchemes"]["password"]["flows"]["password"]
    assert flow["tokenUrl"] == "/api/v1/auth/token"


def test_a_deprecated_route_is_marked(document: Json) -> None:
    assert operations(document)["old_thing"]["deprecated"] is True


def plain(name: str) -> APIRouter:
    router = APIRouter(prefix="/plain")

    async def endpoint() -> None: ...

    endpoint.__name__ = name
    router.get("")(endpoint)
    router.api_route("/several", methods=["GET", "POST"])(endpoint)
    return router


@pytest.mark.parametrize("others", [(things(),), (plain("list_things"),), (plain("other"), plain("other"))])
def test_two_operations_of_one_name_are_refused_at_start(others: tuple[APIRouter, ...]) -> None:
    here = shell(things(), *others)
    with pytest.raises(ProgrammingError, match=r"^[A-Z]+ /api/v1/\S+ and [A-Z]+ /api/v1/\S+ have the same operation id \S+\. Rename one"):
        openapi.install(here.app, {1: here.routers}, version="1", schemes=here.schemes.all)


def test_operations_outside_the_document_may_share_a_name() -> None:
    hidden = Router(prefix="/other", include_in_schema=False)

    @hidden.get("", RouteOptions())
    async def list_things() -> None: ...

    here = shell(things(), hidden)
    openapi.install(here.app, {1: here.routers}, version="1", schemes=here.schemes.all)
    assert "list_things" in operations(here.app.openapi())


def test_what_fields_leaves_out_is_described(document: Json) -> None:
    read, listing = (operations(document)[name] for name in ("get_thing", "list_things"))
    schemas = document["components"]["schemas"]
    for operation, name in ((read, "ThingDTO"), (listing, "ThingPage")):
        either = operation["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]
        assert [one["$ref"].rpartition("/")[2] for one in either] == [name, f"Sparse{name}"]
        (fields,) = [one for one in operation["parameters"] if one["name"] == "fields"]
        names = "|".join(schemas["ThingDTO"]["properties"])
        assert fields["schema"]["pattern"] == f"^({names})(,({names}))*$"
    assert "required" not in schemas["SparseThingDTO"]
    assert schemas["SparseThingDTO"]["properties"] == schemas["ThingDTO"]["properties"]
    assert schemas["SparseThingPage"]["required"] == schemas["ThingPage"]["required"]
    assert schemas["SparseThingPage"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/SparseThingDTO"}


def test_objects_in_bodies_have_names_that_no_other_schema_has() -> None:
    router = APIRouter()
    bodies = {"one": "Order", "two": "Order", "three": "", "four": "An order"}
    for name, title in bodies.items():
        schema = {"type": "object", "title": title, "properties": {"number" if name == "two" else "id": {"type": "string"}}}
        extra = {"requestBody": {"content": {"application/json": {"schema": schema}}}}
        router.add_api_route(f"/{name}", lambda: None, methods=["POST"], name=name, openapi_extra=extra)
    here = shell()
    openapi.install(here.app, {1: [("", router)]}, version="1", schemes=here.schemes.all)
    document = here.app.openapi()
    found = {name: one["requestBody"]["content"]["application/json"]["schema"] for name, one in operations(document).items()}
    assert found["one"] == {"$ref": "#/components/schemas/Order"}
    assert [found[name]["title"] for name in ("two", "three", "four")] == ["Order", "", "An order"]
    assert document["components"]["schemas"]["Order"]["properties"].keys() == {"id"}


@pytest.mark.parametrize(("model", "sparse"), [(ThingDTO, True), (ThingDTO | None, False), (Mapping[str, object], False)])
def test_only_an_answer_with_a_schema_of_its_own_has_a_sparse_one(model: object, sparse: bool) -> None:
    router = Router()

    @router.post("/thing", RouteOptions(sparse=True), status_code=201, response_model=model)
    async def make_thing() -> ThingDTO:
        return ThingDTO(id=UUID(int=1), name="a", version=1)

    here = shell(router)
    openapi.install(here.app, {1: here.routers}, version="1", schemes=here.schemes.all)
    document = here.app.openapi()
    assert ("SparseThingDTO" in document["components"]["schemas"]) is sparse


def test_openapi_3_2_has_the_method_query_and_the_items_of_streams() -> None:
    kept = Settings(_env_file=None, security={"signing_keys": [pem()]})
    older = create_app(kept).openapi()
    newest = create_app(kept.model_copy(update={"server": kept.server.model_copy(update={"openapi_version": "3.2"})})).openapi()
    OpenAPIV32SpecValidator(newest).validate()
    assert (older["openapi"], newest["openapi"]) == ("3.1.0", "3.2.0")
    lists = {path for path, item in older["paths"].items() if "x-query" in item}
    assert {path for path, item in newest["paths"].items() if "query" in item} == lists >= {"/api/v2/items", "/api/v2/search"}
    assert not [path for path, item in newest["paths"].items() if "x-query" in item]
    assert "itemSchema" in newest["paths"]["/api/v2/events/stream"]["get"]["responses"]["200"]["content"]["text/event-stream"]
    rows = newest["paths"]["/api/v2/items"]["get"]["responses"]["200"]["x-exports"]["application/jsonl"]["itemSchema"]
    assert rows["$ref"] == "#/components/schemas/ItemPage/properties/items/items"
    assert newest["components"]["schemas"]["ItemPage"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/ItemDTO"}
    assert [one for one in changes(older, newest) if one.breaking] == []
