"""`api-base openapi diff`: each kind of change, by name, and whether it breaks clients."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from api_base.cli.commands import app
from api_base.interface.openapi.compatibility import changes

type Json = dict[str, Any]
type Mutation = Callable[[Json], object]

DOCUMENT: Final[Json] = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "paths": {
        "/things": {
            "get": {
                "operationId": "list_things",
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100}},
                    {"name": "status", "in": "query", "schema": {"type": "string", "enum": ["new", "old"]}},
                ],
                "responses": {
                    "200": {
                        "description": "Success",
                        "headers": {"ETag": {"schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ThingPage"}}},
                    }
                },
                "security": [{"bearer": []}, {}],
            },
            "post": {
                "operationId": "create_thing",
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewThing"}}}},
                "responses": {
                    "201": {"description": "Created", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
                },
                "security": [{"bearer": []}, {"basic": []}],
            },
        },
        "/things/{id}": {
            "delete": {
                "operationId": "delete_thing",
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"204": {"description": "Success"}},
            }
        },
    },
    "components": {
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}, "basic": {"type": "http", "scheme": "basic"}},
        "schemas": {
            "NewThing": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 20},
                    "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                    "status": {"type": "string", "enum": ["new", "old"]},
                    "tags": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 9}},
                },
            },
            "Thing": {
                "type": "object",
                "required": ["id", "name", "status", "parts"],
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "name": {"type": "string"},
                    "note": {"type": "string"},
                    "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                    "status": {"type": "string", "enum": ["new", "old"]},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                },
            },
            "ThingPage": {
                "type": "object",
                "required": ["items"],
                "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}},
            },
        },
    },
}


def operation(document: Json, name: str) -> Json:
    method, path = name.split()
    found: Json = document["paths"][path][method.lower()]
    return found


def schema(document: Json, name: str) -> Json:
    found: Json = document["components"]["schemas"][name]
    return found


def renamed(members: Json, old: str, new: str) -> None:
    members["properties"][new] = members["properties"].pop(old)
    if old in members.get("required", ()):
        members["required"] = [new if name == old else name for name in members["required"]]


LIST, CREATE, DELETE = "GET /things", "POST /things", "DELETE /things/{id}"
BREAKING: Final[Mapping[str, tuple[Mutation, set[tuple[str, str]]]]] = {
    "an operation is removed": (lambda one: one["paths"]["/things"].pop("post"), {("operation-removed", CREATE)}),
    "a path is renamed": (
        lambda one: one["paths"].update({"/goods/{id}": one["paths"].pop("/things/{id}")}),
        {("operation-removed", DELETE)},
    ),
    "an operation is renamed": (lambda one: operation(one, LIST).update(operationId="get_things"), {("operation-renamed", LIST)}),
    "a parameter is removed": (lambda one: operation(one, LIST)["parameters"].pop(), {("parameter-removed", LIST)}),
    "a parameter becomes required": (
        lambda one: operation(one, LIST)["parameters"][0].update(required=True),
        {("parameter-required", LIST)},
    ),
    "a required parameter is added": (
        lambda one: operation(one, LIST)["parameters"].append(
            {"name": "x", "in": "header", "required": True, "schema": {"type": "string"}}
        ),
        {("parameter-required", LIST)},
    ),
    "a parameter takes less": (
        lambda one: operation(one, LIST)["parameters"][0]["schema"].update(maximum=50),
        {("parameter-bounds", LIST)},
    ),
    "a choice of a parameter is removed": (
        lambda one: operation(one, LIST)["parameters"][1]["schema"].update(enum=["new"]),
        {("parameter-enum", LIST)},
    ),
    "a body becomes required": (lambda one: operation(one, CREATE)["requestBody"].update(required=True), {("body-required", CREATE)}),
    "a body has another media type": (
        lambda one: operation(one, CREATE)["requestBody"].update(content={"text/csv": {"schema": {"type": "string"}}}),
        {("body-type-removed", CREATE)},
    ),
    "a member of a body becomes required": (lambda one: schema(one, "NewThing")["required"].append("tags"), {("body-required", CREATE)}),
    "a member of a body is renamed": (lambda one: renamed(schema(one, "NewThing"), "tags", "labels"), {("body-unknown", CREATE)}),
    "a member of a body has another type": (
        lambda one: schema(one, "NewThing")["properties"].update(name={"type": "integer"}),
        {("body-type", CREATE)},
    ),
    "a member of a body is no longer null": (
        lambda one: schema(one, "NewThing")["properties"].update(size={"type": "integer"}),
        {("body-type", CREATE)},
    ),
    "a text of a body is shorter": (
        lambda one: schema(one, "NewThing")["properties"]["name"].update(maxLength=9),
        {("body-bounds", CREATE)},
    ),
    "the texts of a list are shorter": (
        lambda one: schema(one, "NewThing")["properties"]["tags"]["items"].update(maxLength=3),
        {("body-bounds", CREATE)},
    ),
    "a text of a body has a pattern": (
        lambda one: schema(one, "NewThing")["properties"]["name"].update(pattern="^a"),
        {("body-pattern", CREATE)},
    ),
    "a choice of a body is removed": (
        lambda one: schema(one, "NewThing")["properties"]["status"].update(enum=["new"]),
        {("body-enum", CREATE)},
    ),
    "a member of a response is removed": (
        lambda one: schema(one, "Thing")["properties"].pop("note"),
        {("response-member-removed", CREATE), ("response-member-removed", LIST)},
    ),
    "a required member of a response is renamed": (
        lambda one: renamed(schema(one, "Thing"), "name", "title"),
        {("response-required", CREATE), ("response-required", LIST)},
    ),
    "a member of a response may be absent": (
        lambda one: schema(one, "Thing")["required"].remove("name"),
        {("response-required", CREATE), ("response-required", LIST)},
    ),
    "a member of a response may be null": (
        lambda one: schema(one, "Thing")["properties"].update(name={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        {("response-type", CREATE), ("response-type", LIST)},
    ),
    "a choice of a response is added": (
        lambda one: schema(one, "Thing")["properties"]["status"]["enum"].append("lost"),
        {("response-enum", CREATE), ("response-enum", LIST)},
    ),
    "a member of a response has another format": (
        lambda one: schema(one, "Thing")["properties"]["id"].pop("format"),
        {("response-format", CREATE), ("response-format", LIST)},
    ),
    "a response has another media type": (
        lambda one: operation(one, LIST)["responses"]["200"].update(content={"text/csv": {"schema": {"type": "string"}}}),
        {("response-type-removed", LIST)},
    ),
    "a response has another status": (
        lambda one: operation(one, CREATE).update(responses={"202": operation(one, CREATE)["responses"]["201"]}),
        {("response-removed", CREATE), ("response-added", CREATE)},
    ),
    "a response loses a header": (lambda one: operation(one, LIST)["responses"]["200"].pop("headers"), {("response-header-removed", LIST)}),
    "anonymous callers are refused": (lambda one: operation(one, LIST).update(security=[{"bearer": []}]), {("security-removed", LIST)}),
    "a scheme is no longer accepted": (
        lambda one: operation(one, CREATE).update(security=[{"bearer": []}]),
        {("security-removed", CREATE)},
    ),
    "an open operation needs a token": (
        lambda one: operation(one, DELETE).update(security=[{"bearer": []}]),
        {("security-removed", DELETE)},
    ),
}
COMPATIBLE: Final[Mapping[str, tuple[Mutation, set[str]]]] = {
    "nothing changes": (lambda one: None, set()),
    "an operation is added": (lambda one: one["paths"]["/things"].update(put=operation(one, CREATE)), {"operation-added"}),
    "an operation is deprecated": (lambda one: operation(one, LIST).update(deprecated=True), {"deprecated"}),
    "words change": (lambda one: operation(one, LIST).update(summary="All things", description="…"), set()),
    "an optional parameter is added": (
        lambda one: operation(one, LIST)["parameters"].append({"name": "q", "in": "query", "schema": {"type": "string"}}),
        {"parameter-added"},
    ),
    "a parameter takes more": (lambda one: operation(one, LIST)["parameters"][0]["schema"].update(maximum=200), set()),
    "an optional member of a body is added": (lambda one: schema(one, "NewThing")["properties"].update(note={"type": "string"}), set()),
    "a member of a body is no longer required": (lambda one: schema(one, "NewThing")["required"].remove("name"), set()),
    "a member of a body takes more": (lambda one: schema(one, "NewThing")["properties"].update(size={"type": ["number", "null"]}), set()),
    "a choice of a body is added": (lambda one: schema(one, "NewThing")["properties"]["status"]["enum"].append("lost"), set()),
    "a member of a response is added": (lambda one: schema(one, "Thing")["properties"].update(code={"type": "string"}), {"response-member-added"}),
    "a member of a response is always there": (lambda one: schema(one, "Thing")["required"].append("size"), set()),
    "a choice of a response is never sent": (lambda one: schema(one, "Thing")["properties"]["status"].update(enum=["new"]), set()),
    "a schema is renamed": (
        lambda one: one["components"]["schemas"].update(Row=schema(one, "Thing"), ThingPage={**schema(one, "ThingPage"), "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}}}}),
        set(),
    ),
    "another scheme is accepted": (lambda one: operation(one, LIST)["security"].append({"basic": []}), set()),
}  # fmt: skip


def mutated(mutation: Mutation) -> Json:
    document = deepcopy(DOCUMENT)
    mutation(document)
    return document


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_clients_is_named(name: str) -> None:
    mutation, expected = BREAKING[name]
    found = changes(DOCUMENT, mutated(mutation))
    assert {(one.kind, one.operation) for one in found if one.breaking} == expected
    assert all(str(one).startswith("breaking ") for one in found if one.breaking)


@pytest.mark.parametrize("name", COMPATIBLE)
def test_what_breaks_no_client_does_not_count(name: str) -> None:
    mutation, expected = COMPATIBLE[name]
    found = changes(DOCUMENT, mutated(mutation))
    assert ({one.kind for one in found}, [one for one in found if one.breaking]) == (expected, [])


def test_the_command_ends_with_1_where_clients_break(tmp_path: Path) -> None:
    before, now = tmp_path / "before.json", tmp_path / "now.json"
    before.write_text(json.dumps(DOCUMENT))
    now.write_text(json.dumps(mutated(BREAKING["a parameter is removed"][0])))
    broken = CliRunner().invoke(app, ["openapi", "diff", str(before), str(now)])
    assert (broken.exit_code, broken.stdout.splitlines()) == (
        1,
        ["breaking    GET /things: the query parameter status was removed [parameter-removed]", "1 breaking and 0 compatible changes"],
    )
    added = CliRunner().invoke(app, ["openapi", "diff", str(now), str(before)])
    assert (added.exit_code, added.stdout.splitlines()[-1]) == (0, "0 breaking and 1 compatible changes")
    quiet = CliRunner().invoke(app, ["openapi", "diff", "--breaking", str(now), str(before)])
    assert quiet.stdout == "0 breaking and 1 compatible changes\n"
