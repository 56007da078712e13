"""The OpenAPI document obeys the conventions of the API, and the rules of public linters, for every operation that there will ever be.

It is read as it stands in docs/openapi, one for each version of the API, which `test_documents.py` holds to the code.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from api_base.interface.openapi.query_operations import QUERY
from tools.documents import ROOT

type Json = dict[str, Any]

DOCUMENTS: Final[Mapping[str, Json]] = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted((ROOT / "docs/openapi").glob("v*.json"))
}
NEWEST: Final = DOCUMENTS[max(DOCUMENTS, key=lambda name: int(name[1:]))]
LIMITS: Final = {"X-Request-ID", "RateLimit", "RateLimit-Policy"}
RANKED: Final = "search"
"""The search over all indexes: its pages are those of a list, with a total that may be a lower bound."""
WHOLE: Final = {
    **dict.fromkeys(("list_my_tenants", "list_sessions"), "one page, of a thousand at most"),
    "list_stale_flags": "each process holds all flags in memory, and this list is a part of them",
}
"""Lists that come whole, and why nobody needs a second page."""

CANCELLING: Final = {
    "DELETE /jobs/{id}": "work goes on meanwhile: the version that was read has passed before the request arrives",
    "DELETE /files/uploads/{id}": "tus and the IETF say how an upload ends",
    "PATCH /files/uploads/{id}": "tus and the IETF say how an upload goes on: Upload-Offset is its condition",
    "DELETE /auth/sessions/{id}": "a refresh meanwhile must not keep a session open",
}
"""What needs no If-Match though it has a version, and why."""

SNAKE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
SEGMENT: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*|v[0-9]+|\{[a-z_]+\}|\.well-known|jwks\.json")


@dataclass(frozen=True, slots=True)
class Operation:
    document: Json
    method: str
    path: str
    declared: Json

    @property
    def components(self) -> Json:
        found: Json = self.document["components"]
        return found

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def unversioned(self) -> str:
        return re.sub(r"/api/v[0-9]+", "", self.name)

    @property
    def bodies(self) -> Json:
        content: Json = self.declared.get("requestBody", {}).get("content", {})
        return content

    @property
    def answers(self) -> Json:
        return {status: resolved(answer, self.components) for status, answer in self.declared["responses"].items()}

    def parameter(self, name: str) -> Json | None:
        return next((one for one in self.declared.get("parameters", ()) if one["name"] == name), None)


def resolved(part: Json, components: Json) -> Json:
    if "$ref" not in part:
        return part
    _, kind, name = part["$ref"].rsplit("/", 2)
    found: Json = components[kind][name]
    return found


def schemas(part: Any, components: Json) -> Iterator[Json]:
    """Every schema in a part of a document, with what it refers to."""
    waiting, seen = [part], set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict) and node.get("$ref") not in seen:
            seen |= {node["$ref"]} if "$ref" in node else set()
            node = resolved(node, components)
            if "type" in node:
                yield node
            waiting += node.values()


OPERATIONS: Final = [
    Operation(document, method, path, declared)
    for document in DOCUMENTS.values()
    for path, methods in document["paths"].items()
    if path.startswith("/api/") or document is NEWEST  # the others are the same in all
    for method, declared in methods.items()
]
API: Final = [operation for operation in OPERATIONS if operation.path.startswith("/api/")]
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
every_operation_of_the_api = pytest.mark.parametrize("operation", API, ids=lambda operation: operation.name)


@pytest.mark.parametrize("version", DOCUMENTS)
def test_the_document_is_valid(version: str) -> None:
    document = DOCUMENTS[version]
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert {"title", "version", "description", "license"} <= document["info"].keys()


@pytest.mark.parametrize("version", DOCUMENTS)
def test_operations_are_named_once(version: str) -> None:
    names = [operation.declared["operationId"] for operation in OPERATIONS if operation.document is DOCUMENTS[version]]
    assert len(set(names)) == len(names) > 30


@every_operation
def test_an_operation_is_described(operation: Operation) -> None:
    declared = operation.declared
    assert SNAKE.fullmatch(declared["operationId"]), "becomes a client's method"
    assert all(declared[word] for word in ("summary", "description", "tags"))
    assert all(one["description"] for one in declared.get("parameters", ())), "every parameter"
    assert set(declared["tags"]) <= {tag["name"] for tag in operation.document["tags"]}


OF_DRAFTS: Final = {"documentId", "operationName", "violated-policies"}
"""Named by GraphQL over HTTP (section 5.1 and appendix A) and draft-ietf-httpapi-ratelimit-headers-11."""


@every_operation
def test_names_are_kebab_case_in_paths_and_snake_case_in_json(operation: Operation) -> None:
    assert all(SEGMENT.fullmatch(segment) for segment in operation.path.split("/")[1:])
    for schema in schemas([operation.bodies, operation.answers], operation.components):
        names = [part for name in schema.get("properties", ()) if name not in OF_DRAFTS for part in name.split(".")]
        assert all(SNAKE.fullmatch(name) for name in names), schema
        if not schema.get("format"):
            assert all(SNAKE.fullmatch(value) for value in schema.get("enum", ()) if not value.startswith("/problems/")), schema


@every_operation
def test_security_is_said_and_its_refusals(operation: Operation) -> None:
    security, answers = operation.declared["security"], operation.answers
    assert {name for one in security for name in one} <= operation.components["securitySchemes"].keys()
    if security:
        may_be_anonymous = (
            {} in security and operation.path == "/graphql"
        )  # its fields are forbidden one by one, in a response with status 200
        assert ({"401"} if may_be_anonymous else {"401", "403"}) <= answers.keys()
        assert "WWW-Authenticate" in answers["401"]["headers"]


@every_operation
def test_every_error_is_a_problem(operation: Operation) -> None:
    errors = {status: answer for status, answer in operation.answers.items() if int(status) >= 400}
    assert "500" in errors
    for status, answer in errors.items():
        of_protocol = "OAuth2Error" in str(answer.get("content")) or any(
            name in answer["description"] for name in ("[OFREP", "[GraphQL over HTTP")
        )
        assert of_protocol or operation.path == "/health/ready" or list(answer["content"]) == ["application/problem+json"], status
        assert "Retry-After" in answer.get("headers", ()) or status not in ("429", "503") or operation.path == "/health/ready", status
    assert "HTTPValidationError" not in str(operation.declared), "FastAPI's own shape, which nothing sends"


@every_operation_of_the_api
def test_the_errors_that_every_caller_may_meet_are_shown(operation: Operation) -> None:
    answers = operation.answers.keys()
    assert {"400", "401", "422", "429", "500", "503"} <= answers
    assert "{" not in operation.path or "404" in answers
    assert not operation.bodies or {"413", "415"} <= answers


@every_operation_of_the_api
def test_every_answer_shows_its_headers(operation: Operation) -> None:
    for status, answer in operation.answers.items():
        if int(status) < 400 or "OAuth2Error" not in str(answer):
            assert answer["headers"].keys() >= LIMITS, status


@every_operation_of_the_api
def test_a_body_has_an_example_that_it_accepts(operation: Operation) -> None:
    for media_type, body in operation.bodies.items():
        validator = Draft202012Validator({**body["schema"], "components": operation.components})
        validator.validate(body["example"])
        of_protocol = operation.declared["tags"] == ["uploads"]
        patches = {"application/json", "application/merge-patch+json"} == operation.bodies.keys()
        assert operation.method != "patch" or of_protocol or patches, media_type


@every_operation_of_the_api
def test_what_is_sent_is_bounded_and_known(operation: Operation) -> None:
    for schema in schemas(operation.bodies.get("application/json"), operation.components):  # the form of the token endpoint is OAuth2's own
        if schema["type"] == "string":
            assert {"maxLength", "format", "enum", "const"} & schema.keys(), f"text without a limit: {schema}"
        if schema["type"] == "object" and "properties" in schema:
            assert schema["additionalProperties"] is False, f"takes fields that it does not know: {schema['title']}"


@every_operation_of_the_api
def test_amounts_are_never_floating(operation: Operation) -> None:
    assert [one for one in schemas([operation.bodies, operation.answers], operation.components) if one["type"] == "number"] == []


@every_operation_of_the_api
def test_a_versioned_resource_is_changed_by_its_version(operation: Operation) -> None:
    if operation.method in ("patch", "delete") and operation.unversioned not in CANCELLING:
        condition = operation.parameter("If-Match")
        assert condition, "a change needs If-Match"
        assert condition["required"]
        assert {"412", "428"} <= operation.answers.keys()
    if operation.parameter("If-None-Match"):
        assert {"200", "304"} <= operation.answers.keys()
        assert "ETag" in operation.answers["200"]["headers"]


@every_operation_of_the_api
def test_what_is_created_and_can_be_read_says_where(operation: Operation) -> None:
    answer = operation.answers.get("201")
    readable = any(one.method == "get" and re.fullmatch(re.escape(operation.path) + r"/\{\w+\}", one.path) for one in API)
    if answer is not None and readable:
        assert {"Location", "ETag"} <= answer["headers"].keys()


@every_operation_of_the_api
def test_a_list_is_paged_by_a_cursor(operation: Operation) -> None:
    content = operation.answers.get("200", {}).get("content", {}).get("application/json", {})
    properties = resolved(content.get("schema", {}), operation.components).get("properties", {})
    assert "offset" not in [one["name"] for one in operation.declared.get("parameters", ())]
    body = operation.bodies.get("application/json", {}).get("schema", {}) if operation.method == QUERY else {}
    named = {*body.get("properties", {}), *(one["name"] for one in operation.declared.get("parameters", ()))}
    if operation.declared["operationId"].removeprefix("query_") == RANKED:
        assert {"items", "next_cursor", "total", "facets", "suggestions"} == properties.keys()
        assert {"limit", "cursor", "facets"} <= named
    elif "items" in properties:
        assert {"items", "next_cursor", "total"} == properties.keys()
        assert {"limit", "cursor", "include_total", "fields"} <= named or operation.declared["operationId"] in WHOLE
