"""Jobs are nodes of those who started them; flags and their proposals are for platform administrators."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.graphql_harness import GraphQLApi, graphql_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

IMPORT: Final = """mutation($file: UUID!) { importItems(input: {fileId: $file}) { startedImport {
    readAs jobId job { id uuid state progress error result } } } }"""
NODE: Final = "query($id: ID!) { node(id: $id) { ... on Job { state progress } } }"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graphql(shared_migrated: Urls) -> AsyncIterator[GraphQLApi]:
    async with graphql_api(shared_migrated) as opened:
        yield opened


async def test_a_job_is_a_node_of_who_started_it(graphql: GraphQLApi) -> None:
    ana, stranger = await graphql.api.person(), await graphql.api.person()
    bo = await graphql.api.member(ana, "admin")
    file = await graphql.api.uploaded(ana, b"sku,name,category\nA,Chair,furniture\n")
    started = (await graphql.data(ana, IMPORT, file=file))["importItems"]["startedImport"]
    job = started["job"]
    assert (job["uuid"], job["state"], job["progress"], job["error"]) == (started["jobId"], "QUEUED", 0, None)
    assert (await graphql.data(ana, NODE, id=job["id"]))["node"] == {"state": "QUEUED", "progress": 0}
    for other in (bo, stranger):
        assert (await graphql.data(other, NODE, id=job["id"]))["node"] is None
    message, extensions = await graphql.refused(bo, "mutation($id: ID!) { cancelJob(id: $id) { done } }", id=job["id"])
    assert extensions["code"] == "NOT_FOUND", message
    assert (await graphql.data(ana, "mutation($id: ID!) { cancelJob(id: $id) { done } }", id=job["id"]))["cancelJob"] == {"done": True}
    assert (await graphql.data(ana, "query($id: ID!) { job(id: $id) { state } }", id=job["id"]))["job"] == {"state": "CANCELLED"}


async def test_an_id_of_another_kind_is_no_job(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    me = (await graphql.data(ana, "{ me { id } }"))["me"]["id"]
    for query in ("query($id: ID!) { job(id: $id) { state } }", "mutation($id: ID!) { cancelJob(id: $id) { done } }"):
        _, extensions = await graphql.refused(ana, query, id=me)
        assert extensions["errors"] == [{"pointer": "/id", "code": "id", "message": "is an id of User; an id of Job is expected"}]


FLAGS: Final = """query($key: String!) {
    flag(key: $key) { key owner version } staleFlags { key reasons } flags(filter: {key: {eq: $key}}) { nodes { key } totalCount }
    flagProposals(last: 5) { nodes { key status changes { pointer before after } } } }"""


async def test_platform_administrators_read_flags_and_proposals(graphql: GraphQLApi) -> None:
    admin, ana = await graphql.api.person(platform_admin=True), await graphql.api.person()
    variants = {"on": True, "off": False}
    definition = {
        "key": "graphql-test",
        "type": "boolean",
        "variants": variants,
        "default_variant": "off",
        "off_variant": "off",
        "rules": [],
    }
    create = "mutation($input: CreateFlagInput!) { createFlag(input: $input) { flag { version } } }"
    made = {"definition": definition, "owner": "team", "protected": True, "description": "A test"}
    version = (await graphql.data(admin, create, input=made))["createFlag"]["flag"]["version"]
    propose = """mutation($input: PatchFlagInput!, $version: Long) {
        proposeFlagChange(key: "graphql-test", expectedVersion: $version, input: $input) { proposal { status } } }"""
    await graphql.data(admin, propose, version=version, input={"definition": {"variants": {"maybe": True}}})
    found = await graphql.data(admin, FLAGS, key="graphql-test")
    assert found["flag"] == {"key": "graphql-test", "owner": "team", "version": 1}
    assert found["flags"] == {"nodes": [{"key": "graphql-test"}], "totalCount": 1}
    (proposal,) = [one for one in found["flagProposals"]["nodes"] if one["key"] == "graphql-test"]
    assert proposal["status"] == "PENDING"
    assert [change["before"] for change in proposal["changes"]] == [None]  # there was no such variant
    missing = await graphql.data(admin, '{ flag(key: "ü") { key } flagProposal(id: "00000000-0000-0000-0000-000000000000") { key } }')
    assert missing == {"flag": None, "flagProposal": None}
    seen = await graphql.execute(ana, FLAGS, key="graphql-test")
    assert seen.data == {"flag": None, "staleFlags": None, "flags": None, "flagProposals": None}
    assert {(error.extensions or {})["code"] for error in seen.errors or ()} == {"FORBIDDEN"}
