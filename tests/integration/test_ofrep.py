"""OFREP over the whole application: which flags and values each client sees."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio
from openfeature.evaluation_context import EvaluationContext

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on
from tests.factories.flags import document, snapshot
from tests.flag_server import StatedFlags

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE, ALL = "/ofrep/v1/evaluate/flags/{}", "/ofrep/v1/evaluate/flags"
FLAGS = StatedFlags()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated), FLAGS.contexts) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def ana(api: Running) -> Person:
    return await api.person()


def state(*documents: dict[str, Any]) -> None:
    FLAGS.current.replace(snapshot(*documents))


def client(**changes: Any) -> dict[str, Any]:
    return document(client=True, **changes)


def targeting(attribute: str, value: object) -> list[dict[str, Any]]:
    return [{"conditions": [{"attribute": attribute, "operator": "in", "values": [value]}], "variant": "on"}]


async def evaluate(api: Running, person: Person, key: str = "new-checkout", **context: Any) -> httpx2.Response:
    return await api.client.post(ONE.format(key), json={"context": context}, headers=person.headers)


async def evaluate_all(api: Running, person: Person, tag: str | None = None, **context: Any) -> httpx2.Response:
    headers = person.headers | ({} if tag is None else {"If-None-Match": tag})
    return await api.client.post(ALL, json={"context": context}, headers=headers)


@pytest.mark.parametrize(
    ("kind", "value"), [("boolean", False), ("string", ""), ("integer", 2**53 - 1), ("float", 10.0), ("object", {"a": [1, None]})]
)
async def test_a_flag_is_evaluated_in_its_type(api: Running, ana: Person, kind: str, value: Any) -> None:
    state(client(type=kind, variants={"only": value}, default_variant="only"))
    answer = await evaluate(api, ana)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"key": "new-checkout", "reason": "STATIC", "variant": "only", "value": value}
    assert type(answer.json()["value"]) is type(value)


async def test_a_flag_without_a_value_leaves_the_default_in_the_code_of_the_client(api: Running, ana: Person) -> None:
    state(client(enabled=False))
    assert (await evaluate(api, ana)).json() == {"key": "new-checkout", "reason": "DISABLED"}
    assert (await evaluate_all(api, ana)).json() == {"flags": [{"key": "new-checkout", "reason": "DISABLED"}]}


async def test_only_flags_for_clients_and_of_no_other_tenant_exist(api: Running, ana: Person) -> None:
    bo = await api.person()
    state(
        document(key="internal"),
        client(key="for-all"),
        client(key="of-ana", tenants=[str(ana.tenant_id)]),
        client(key="of-bo", tenants=[str(bo.tenant_id)]),
    )
    for key in ("internal", "of-bo", "unknown"):
        answer = await evaluate(api, ana, key)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
        details = f"No flag with the key '{key}' exists for this caller."
        assert answer.json() == {"key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": details}
    assert (await evaluate(api, ana, "of-ana")).status_code == 200
    assert [flag["key"] for flag in (await evaluate_all(api, ana)).json()["flags"]] == ["for-all", "of-ana"]
    assert [flag["key"] for flag in (await evaluate_all(api, bo)).json()["flags"]] == ["for-all", "of-bo"]


async def test_the_client_cannot_say_whose_tenant_it_asks_for(api: Running, ana: Person) -> None:
    bo = await api.person()
    state(client(tenants=[str(bo.tenant_id)]))
    assert (await evaluate(api, ana, tenant=str(bo.tenant_id))).status_code == 404


async def test_a_flag_that_targets_a_prerequisite_of_the_service_alone_reveals_only_itself(api: Running, ana: Person) -> None:
    required = [{"key": "internal", "variant": "on"}]
    state(document(key="internal", default_variant="on"), client(default_variant="on", prerequisites=required))
    assert (await evaluate_all(api, ana)).json() == {
        "flags": [{"key": "new-checkout", "reason": "DEFAULT", "variant": "on", "value": True}]
    }


@pytest.mark.parametrize("attribute", ["user", "tenant", "plan", "role", "targetingKey"])
async def test_what_the_client_sends_as_identity_is_ignored(api: Running, ana: Person, attribute: str) -> None:
    claimed = str(uuid4())
    state(client(rules=targeting("user" if attribute == "targetingKey" else attribute, claimed)))
    sent = {attribute: claimed, "targetingKey": claimed}
    assert (await evaluate(api, ana, **sent)).json()["reason"] == "DEFAULT"


@pytest.mark.parametrize("attribute", ["user", "tenant", "plan", "role"])
async def test_the_access_token_says_who_the_caller_is(api: Running, ana: Person, attribute: str) -> None:
    identity = {"user": str(ana.id), "tenant": str(ana.tenant_id), "plan": "standard", "role": "owner"}
    state(client(rules=targeting(attribute, identity[attribute])))
    assert (await evaluate(api, ana, **{attribute: "other"})).json()["reason"] == "TARGETING_MATCH"


async def test_other_attributes_of_the_client_count(api: Running, ana: Person) -> None:
    state(client(rules=targeting("country", "PT")))
    assert (await evaluate(api, ana, country="PT")).json()["value"] is True
    assert (await evaluate(api, ana, country="ES")).json()["value"] is False


async def test_a_split_buckets_the_user_of_the_token(api: Running, ana: Person) -> None:
    state(client(rules=[{"split": {"on": 5_000, "off": 5_000}}]))
    answers = [(await evaluate(api, ana, targetingKey=str(uuid4()))).json() for _ in range(8)]
    assert answers == [answers[0]] * 8
    assert answers[0]["reason"] == "SPLIT"


@pytest.mark.parametrize("path", [ONE.format("new-checkout"), ALL])
@pytest.mark.parametrize(
    ("body", "code", "details"),
    [
        (b"{", "PARSE_ERROR", "The body is not JSON: the text ends too early at line 1, column 1."),
        (b'{"context": NaN}', "PARSE_ERROR", "The body is not JSON: a value is missing at line 1, column 13."),
        (b'{"context": {"a": 1, "a": 2}}', "PARSE_ERROR", "The body is not JSON: an object has two members of one name at line 1, column 26."),
        (b"[" * 33 + b"]" * 33, "PARSE_ERROR", "The body is nested more than 32 levels deep."),
        (b"[]", "PARSE_ERROR", "The body must be a JSON object."),
        (b'{"context": "ana"}', "INVALID_CONTEXT", "The context must be a JSON object."),
    ],
    ids=["not JSON", "NaN", "repeated name", "too deep", "an array", "a context that is text"],
)  # fmt: skip
async def test_a_bad_body_is_refused_in_the_form_of_the_protocol(
    api: Running, ana: Person, path: str, body: bytes, code: str, details: str
) -> None:
    state(client())
    answer = await api.client.post(path, content=body, headers=ana.headers | {"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    named = {"key": "new-checkout"} if path != ALL else {}
    assert answer.json() == named | {"errorCode": code, "errorDetails": details}


@pytest.mark.parametrize("body", [b"", b"{}", b'{"context": null}', b'{"context": {}}'])
async def test_the_context_may_be_left_out(api: Running, ana: Person, body: bytes) -> None:
    state(client())
    headers = ana.headers | ({"Content-Type": "application/json"} if body else {})
    assert (await api.client.post(ALL, content=body, headers=headers)).json()["flags"][0]["reason"] == "STATIC"


@pytest.mark.parametrize("path", [ONE.format("new-checkout"), ALL])
async def test_other_refusals_are_those_of_each_route(api: Running, ana: Person, path: str) -> None:
    state(client())
    refused = {
        401: {"json": {}},
        413: {"content": b'{"context": {"a": "' + b"x" * 65_536 + b'"}}', "headers": ana.headers | {"Content-Type": "application/json"}},
        415: {"content": b"{}", "headers": ana.headers | {"Content-Type": "text/plain"}},
        422: {"json": {}, "headers": ana.headers, "params": {"key": "other"}},
        400: {"json": {}, "headers": ana.headers | {"Idempotency-Key": "a-key"}},
    }
    for status, request in refused.items():
        answer = await api.client.post(path, **request)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_an_unchanged_answer_is_not_sent_again(api: Running, ana: Person) -> None:
    state(client())
    first = await evaluate_all(api, ana, country="PT")
    assert (first.status_code, first.headers["cache-control"]) == (200, "private, no-cache")
    again = await evaluate_all(api, ana, first.headers["etag"], country="PT")
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert "content-type" not in again.headers


async def test_the_tag_depends_on_the_caller_the_context_and_the_flags(api: Running, ana: Person) -> None:
    state(client())
    bo = await api.person()
    tag = (await evaluate_all(api, ana, country="PT")).headers["etag"]
    assert (await evaluate_all(api, bo, tag, country="PT")).status_code == 200
    assert (await evaluate_all(api, ana, tag, country="ES")).status_code == 200
    assert (await evaluate_all(api, ana, tag)).status_code == 200
    assert (await evaluate_all(api, ana, tag, country="PT")).status_code == 304
    state(client(default_variant="on"))
    changed = await evaluate_all(api, ana, tag, country="PT")
    assert (changed.status_code, changed.json()["flags"][0]["value"]) == (200, True)


@pytest.mark.parametrize("sent", ["abc", "*", ",".join(['"x"'] * 33)], ids=["no tag", "any", "many tags"])
async def test_what_is_no_list_of_tags_matches_nothing(api: Running, ana: Person, sent: str) -> None:
    state(client())
    assert (await evaluate_all(api, ana, sent)).status_code == 200


async def test_the_tag_may_be_in_any_line_of_the_header(api: Running, ana: Person) -> None:
    state(client())
    tag = (await evaluate_all(api, ana)).headers["etag"]
    lines = [*ana.headers.items(), ("If-None-Match", '"other"'), ("If-None-Match", tag)]
    assert (await api.client.post(ALL, json={"context": {}}, headers=lines)).status_code == 304


async def test_a_context_gets_the_provider_of_openfeature_over_the_flags_of_the_process(api: Running) -> None:
    provider = api.services.ports.openfeature()
    api.services.ports.current_flags.replace(snapshot(document(default_variant="on")))
    provider.initialize(EvaluationContext())
    assert provider.resolve_boolean_details("new-checkout", False).value is True
    provider.shutdown()


async def test_before_the_first_snapshot_the_client_is_asked_to_try_again(shared_migrated: Urls) -> None:
    empty = StatedFlags()
    async with running(settings_on(shared_migrated), empty.contexts) as api:
        ana = await api.person()
        for answer in (await evaluate(api, ana), await evaluate_all(api, ana)):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
