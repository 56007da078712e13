"""Mutations by GraphQL are the routes of the REST API: the same messages, bodies, versions and keys, on a real database."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import uuid4

import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.graphql_harness import GraphQLApi, global_id, graphql_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

CREATE: Final = """
mutation($input: CreateItemInput!, $key: String) {
  createItem(input: $input, idempotencyKey: $key) { replayed item { id uuid sku name version price { amount } } }
}
"""
UPDATE: Final = """
mutation($id: ID!, $version: Long, $input: PatchItemInput!) {
  updateItem(id: $id, expectedVersion: $version, input: $input) { item { name version price { amount } } }
}
"""
UNVERSIONED: Final = 'mutation($id: ID!) { updateItem(id: $id, input: {name: "Stool"}) { item { version } } }'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graphql(shared_migrated: Urls) -> AsyncIterator[GraphQLApi]:
    async with graphql_api(shared_migrated) as opened:
        yield opened


def chair(**changes: Any) -> dict[str, Any]:
    return {"sku": f"G-{uuid4().hex[:12]}", "name": "Chair", "category": "furniture"} | changes


async def test_an_item_is_created_and_read_by_rest(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    made = (await graphql.data(ana, CREATE, input=chair(price={"amount": "12.50", "currency": "EUR"})))["createItem"]
    assert (made["replayed"], made["item"]["version"], made["item"]["price"]) == (False, 1, {"amount": "12.50"})
    read = await graphql.api.client.get(f"/api/v1/items/{made['item']['uuid']}", headers=ana.headers)
    assert (read.status_code, read.json()["sku"]) == (200, made["item"]["sku"])


async def test_an_older_version_is_refused_and_none_named_is_asked_for(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    id = (await graphql.data(ana, CREATE, input=chair()))["createItem"]["item"]["id"]
    first = await graphql.data(ana, UPDATE, id=id, version=1, input={"name": "Stool"})
    assert first["updateItem"]["item"] == {"name": "Stool", "version": 2, "price": None}
    _, stale = await graphql.refused(ana, UPDATE, id=id, version=1, input={"name": "Bench"})
    assert (stale["code"], stale["status"], stale["request_id"]) == ("STALE_VERSION", 412, "graphql-test")
    message, missing = await graphql.refused(ana, UNVERSIONED, id=id)
    assert (missing["code"], "expectedVersion" in message) == ("PRECONDITION_REQUIRED", True)
    assert (await graphql.data(ana, UPDATE, id=id, version=None, input={"name": "Bench"}))["updateItem"]["item"]["version"] == 3


async def test_null_removes_and_absence_keeps_as_in_a_merge_patch(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    id = (await graphql.data(ana, CREATE, input=chair(price={"amount": "1.00", "currency": "EUR"})))["createItem"]["item"]["id"]
    kept = await graphql.data(ana, UPDATE, id=id, version=1, input={"price": {"amount": "2.00"}})
    assert kept["updateItem"]["item"] == {"name": "Chair", "version": 2, "price": {"amount": "2.00"}}
    removed = await graphql.data(ana, UPDATE, id=id, version=2, input={"price": None})
    assert removed["updateItem"]["item"]["price"] is None
    _, refused = await graphql.refused(ana, UPDATE, id=id, version=3, input={"name": None})
    assert [one["pointer"] for one in refused["errors"]] == ["/input/name"]


async def test_a_repeated_key_returns_the_first_result(graphql: GraphQLApi) -> None:
    ana, bo = await graphql.api.person(), await graphql.api.person()
    body, key = chair(), uuid4().hex
    first = (await graphql.data(ana, CREATE, input=body, key=key))["createItem"]
    again = (await graphql.data(ana, CREATE, input=body, key=key))["createItem"]
    assert (again["replayed"], again["item"]) == (True, first["item"])
    _, other = await graphql.refused(ana, CREATE, input=chair(), key=key)
    assert other["code"] == "IDEMPOTENCY_KEY_REUSED"
    stranger = (await graphql.data(bo, CREATE, input=body, key=key))["createItem"]
    assert (stranger["replayed"], stranger["item"]["id"] == first["item"]["id"]) == (False, False)


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
async def test_a_malformed_key_is_refused(graphql: GraphQLApi, key: str) -> None:
    message, extensions = await graphql.refused(await graphql.api.person(), CREATE, input=chair(), key=key)
    assert (extensions["code"], message.startswith("idempotencyKey must be")) == ("BAD_REQUEST", True)


async def test_violations_name_the_members_of_the_input(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    _, extensions = await graphql.refused(ana, CREATE, input=chair(sku="", price={"amount": "x" * 30, "currency": "EUR"}))
    assert [one["pointer"] for one in extensions["errors"]] == ["/input/sku", "/input/price/amount"]
    _, taken = await graphql.refused(ana, CREATE, input=chair(price={"amount": "1.001", "currency": "EUR"}))
    assert [one["pointer"] for one in taken["errors"]] == ["/input/price/amount"]


async def test_a_viewer_changes_nothing_and_a_foreign_item_does_not_exist(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    viewer = await graphql.api.member(ana, "viewer")
    _, forbidden = await graphql.refused(viewer, CREATE, input=chair())
    assert forbidden["code"] == "FORBIDDEN"
    id = (await graphql.data(ana, CREATE, input=chair()))["createItem"]["item"]["id"]
    bo = await graphql.api.person()
    answers = [await graphql.refused(bo, UPDATE, id=one, version=1, input={"name": "Mine"}) for one in (id, global_id("Item", uuid4()))]
    assert [extensions["code"] for _, extensions in answers] == ["NOT_FOUND", "NOT_FOUND"]
    _, wrong = await graphql.refused(ana, UPDATE, id=global_id("User", ana.id), version=1, input={})
    assert wrong["errors"][0] == {"pointer": "/id", "code": "id", "message": "is an id of User; an id of Item is expected"}


async def test_mutations_of_members_and_tenants_take_global_ids(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    bo = await graphql.api.member(ana, "member")
    query = """mutation($tenant: ID!, $user: ID!) {
      changeMemberRole(id: $tenant, userId: $user, expectedVersion: null, input: {role: VIEWER}) { member { id role } }
    }"""
    tenant, user = global_id("Tenant", ana.tenant_id), global_id("Member", bo.id)
    changed = await graphql.data(ana, query, tenant=tenant, user=user)
    assert changed["changeMemberRole"]["member"] == {"id": user, "role": "VIEWER"}


BATCH: Final = """mutation($input: BatchInput!) { batchItems(input: $input) { batchAnswer { results {
    status item { sku name tenant { id } author { role } } problem { code status detail errors { pointer code message } } } } } }"""


async def test_each_operation_of_a_batch_has_its_item_or_its_problem(graphql: GraphQLApi) -> None:
    ana, stranger = await graphql.api.person(), await graphql.api.person()
    known, foreign = await graphql.api.item(ana), await graphql.api.item(stranger)
    new = chair(name="Größe 椅子")
    operations: list[dict[str, Any]] = [
        {"action": "CREATE", "item": new},
        {"action": "CREATE", "item": new},
        {"action": "UPDATE", "id": known["id"], "expectedVersion": None, "changes": {"name": "Stool"}},
        {"action": "UPDATE", "id": known["id"], "expectedVersion": 1, "changes": {"name": "Sofa"}},
        {"action": "PUBLISH", "id": foreign["id"]},
        {"action": "UPDATE", "id": known["id"], "changes": {"name": "\u200b"}},
        {"action": "DELETE", "id": known["id"]},
    ]
    done = await graphql.data(ana, BATCH, input={"mode": "INDEPENDENT", "operations": operations})
    results = done["batchItems"]["batchAnswer"]["results"]
    assert [one["problem"] and one["problem"]["code"] for one in results] == [
        None, "CONFLICT", None, "STALE_VERSION", "NOT_FOUND", "VALIDATION", None,
    ]  # fmt: skip
    assert [one["status"] for one in results] == [201, 409, 200, 412, 404, 422, 204]
    assert (results[0]["item"]["name"], results[2]["item"]["name"]) == ("Größe 椅子", "Stool")
    assert results[0]["item"]["author"] == {"role": "OWNER"}
    assert [one["pointer"] for one in results[5]["problem"]["errors"]] == ["/input/operations/5/changes/name"]


async def test_a_batch_names_what_an_operation_lacks(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    operations = [{"action": "UPDATE", "changes": {"name": "Sofa"}}, {"action": "CREATE", "item": chair(), "id": str(uuid4())}]
    _, extensions = await graphql.refused(ana, BATCH, input={"operations": operations})
    assert {error["pointer"] for error in extensions["errors"]} == {"/input/operations/0/id", "/input/operations/1/id"}
    message, _ = await graphql.refused(ana, BATCH, input={"operations": [{"action": "MELT", "id": str(uuid4())}]})
    assert "MELT" in message


async def test_the_payload_of_a_mutation_shows_what_an_earlier_one_of_the_operation_changed(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    item, file = await graphql.api.item(ana), await graphql.api.uploaded(ana, b"a,b\n1,2\n")
    rename = 'updateItem(id: $id, expectedVersion: null, input: {name: "Stool"}) { item { picture { uuid } } }'
    attach = 'attachFile(kind: "items", entityId: $uuid, slot: "picture", input: {fileId: $file}) { attachment { slot } }'
    query = f"mutation($id: ID!, $uuid: UUID!, $file: UUID!) {{ before: {rename} {attach} after: {rename} }}"
    done = await graphql.data(ana, query, id=global_id("Item", item["id"]), uuid=item["id"], file=file)
    assert (done["before"]["item"]["picture"], done["after"]["item"]["picture"]) == (None, {"uuid": file})
