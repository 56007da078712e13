"""Relations by GraphQL: what belongs to a page is loaded by as many statements for fifty items as for five, and only what the caller may see."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person
from tests.graphql_harness import GraphQLApi, global_id, graphql_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

RELATED: Final = "sku picture { name owner { role } } files { slot file { name } } author { userId role user { email } } tenant { id name }"
THREE: Final = "picture { name } author { role } tenant { name }"
PAGE: Final = f"query($first: Int!) {{ items(first: $first) {{ nodes {{ {RELATED} }} }} }}"
NODES: Final = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Item {{ {THREE} }} }} }}"
RENAME: Final = f'mutation($id: ID!) {{ updateItem(id: $id, expectedVersion: null, input: {{name: "Stool"}}) {{ item {{ {THREE} }} }} }}'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graphql(shared_migrated: Urls) -> AsyncIterator[GraphQLApi]:
    async with graphql_api(shared_migrated) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owner(graphql: GraphQLApi) -> Person:
    """Of fifty items with pictures, made by two members."""
    ana = await graphql.api.person()
    bo = await graphql.api.member(ana, "member")
    file = await graphql.api.uploaded(ana, b"a,b\n1,2\n")
    for number in range(50):
        item = await graphql.api.item(ana if number % 2 else bo, sku=f"S-{number:02}")
        attached = await graphql.api.client.put(
            f"/api/v1/files/attachments/items/{item['id']}/picture", json={"file_id": file}, headers=ana.headers
        )
        assert attached.status_code == 200, attached.text
    return ana


@contextmanager
def counted(graphql: GraphQLApi) -> Iterator[list[str]]:
    """The statements that the database gets meanwhile."""
    pool, statements = graphql.api.services.container.database.pool, list[str]()
    run = pool.run

    async def counting(read: Any, *arguments: Any, **options: Any) -> Any:
        async def logged(connection: Any) -> Any:
            with connection.query_logger(lambda record: statements.append(record.query)):
                return await read(connection)

        return await run(logged, *arguments, **options)

    pool.run = counting  # type: ignore[method-assign]
    try:
        yield statements
    finally:
        pool.run = run  # type: ignore[method-assign]


async def statements_of(graphql: GraphQLApi, person: Person, query: str, **variables: Any) -> int:
    """How many statements an operation takes. A connection asks for the types of a statement when it first meets it: the least of five counts."""
    counts = []
    for _ in range(5):
        with counted(graphql) as statements:
            await graphql.data(person, query, **variables)
        counts.append(len(statements))
    return min(counts)


async def test_a_page_of_fifty_with_three_relations_takes_five_statements_as_one_of_five_does(graphql: GraphQLApi, owner: Person) -> None:
    query = f"query($first: Int!) {{ items(first: $first) {{ nodes {{ {THREE} }} }} }}"
    nodes = (await graphql.data(owner, query, first=50))["items"]["nodes"]
    assert len(nodes) == 50
    assert all(node["picture"]["name"] == "file" and node["tenant"]["name"] for node in nodes)
    assert {node["author"]["role"] for node in nodes} == {"OWNER", "MEMBER"}
    assert [await statements_of(graphql, owner, query, first=first) for first in (5, 50)] == [5, 5]


async def test_deeper_relations_take_as_many_statements_for_fifty_as_for_five(graphql: GraphQLApi, owner: Person) -> None:
    few, many = [await statements_of(graphql, owner, PAGE, first=first) for first in (5, 50)]
    assert few == many == 6  # items; attached files, creators, the tenant; members, as owners and authors; users


async def test_nested_connections_take_as_many_statements_for_fifty_as_for_five(graphql: GraphQLApi, owner: Person) -> None:
    """The page, the pages of attachments and of the history of its items by one statement each, the members and the tenant."""
    nested = "attachments(first: 3) { nodes { slot file { name owner { role } } } } history(last: 2) { edges { cursor node { action } } } tenant { name }"
    query = f"query($first: Int!) {{ items(first: $first) {{ nodes {{ {nested} }} }} }}"
    nodes = (await graphql.data(owner, query, first=50))["items"]["nodes"]
    assert {one["slot"] for node in nodes for one in node["attachments"]["nodes"]} == {"picture"}
    assert {one["node"]["action"] for node in nodes for one in node["history"]["edges"]} == {"item.created"}
    assert [await statements_of(graphql, owner, query, first=first) for first in (5, 50)] == [5, 5]
    counted = "query($first: Int!) { items(first: $first) { nodes { attachments(first: 1) { totalCount } } } }"
    assert {node["attachments"]["totalCount"] for node in (await graphql.data(owner, counted, first=50))["items"]["nodes"]} == {1}
    assert [await statements_of(graphql, owner, counted, first=first) for first in (5, 50)] == [3, 3]


async def test_nodes_and_payloads_take_as_many_statements_for_many_as_for_few(graphql: GraphQLApi, owner: Person) -> None:
    page = (await graphql.data(owner, "{ items(first: 50) { nodes { id } } }"))["items"]["nodes"]
    ids = [node["id"] for node in page]
    assert [await statements_of(graphql, owner, NODES, ids=some) for some in (ids[:5], ids)] == [5, 5]
    bare = 'mutation($id: ID!) { updateItem(id: $id, expectedVersion: null, input: {name: "Stool"}) { item { sku } } }'
    added = await statements_of(graphql, owner, RENAME, id=ids[0]) - await statements_of(graphql, owner, bare, id=ids[0])
    assert added == 4  # attached files, creators, members, the tenant


async def test_a_member_sees_who_made_an_item_but_no_other_address(graphql: GraphQLApi, owner: Person) -> None:
    cy = await graphql.api.member(owner, "viewer")
    nodes = (await graphql.data(cy, PAGE, first=50))["items"]["nodes"]
    assert {node["author"]["role"] for node in nodes} == {"OWNER", "MEMBER"}
    assert {node["author"]["user"] for node in nodes} == {None}
    own = (await graphql.data(owner, PAGE, first=50))["items"]["nodes"]
    assert {node["author"]["user"]["email"] for node in own if node["author"]["role"] == "OWNER"} == {owner.email}


async def test_nothing_of_another_tenant_is_found_by_any_node(graphql: GraphQLApi, owner: Person) -> None:
    stranger = await graphql.api.person()
    item = (await graphql.data(owner, "{ items(first: 1) { nodes { id picture { id } } } }"))["items"]["nodes"][0]
    foreign = [item["id"], item["picture"]["id"], *(global_id(name, owner.tenant_id) for name in ("Tenant",))]
    foreign += [global_id(name, owner.id) for name in ("Member", "User")]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert (await graphql.data(owner, query, ids=foreign))["nodes"] == [{"id": id} for id in foreign]
    assert (await graphql.data(stranger, query, ids=foreign))["nodes"] == [None] * len(foreign)


async def test_the_caller_reads_who_and_where_they_are(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    found = await graphql.data(
        ana, "{ me { email tenants { uuid: id role } } currentTenant { uuid } myTenants { role } members { nodes { user { email } } } }"
    )
    assert found["me"] == {"email": ana.email, "tenants": [{"uuid": str(ana.tenant_id), "role": "OWNER"}]}
    assert found["currentTenant"] == {"uuid": str(ana.tenant_id)}
    assert found["members"]["nodes"] == [{"user": {"email": ana.email}}]


async def test_one_failing_field_leaves_the_rest(graphql: GraphQLApi) -> None:
    ana = await graphql.api.person()
    await graphql.api.item(ana)
    result = await graphql.execute(ana, '{ item(id: "x") { id } users { nodes { id } } me { email } }')
    assert result.data == {"item": None, "users": None, "me": {"email": ana.email}}
    assert result.errors is not None
    assert sorted(error.path for error in result.errors if error.path) == [["item"], ["users"]]
