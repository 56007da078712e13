"""What a process can reach with any SQL as the role that it connects as: no administrator is made, and no hash is read but by name."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from api_base.application.users.commands.create_user import CreateUser
from api_base.application.users.dtos import PlatformRole
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.types import RequestContext, current_context
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.errors import EmailTaken
from api_base.infrastructure.db.embedded import Urls
from api_base.serving.first_run import create_administrator
from tests.application import PASSWORD, Person, Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROLES: Final = ("app", "worker")
ALLOWED: Final = {
    "platform_administrators": {"app": {"select", "copy"}, "worker": set()},
    "user_passwords": {"app": set(), "worker": set()},
}
STATEMENTS: Final = {
    "select": "select * from {table}",
    "insert": "insert into {table} select id{more} from users",
    "insert or update": "insert into {table} select id{more} from users on conflict (user_id) do update set user_id = excluded.user_id",
    "update": "update {table} set user_id = gen_random_uuid()",
    "delete": "delete from {table}",
    "lock rows": "select from {table} for update",
    "truncate": "truncate {table}",
    "copy": "copy {table} to stdout",
    "trigger": "create trigger t after insert on {table} execute function notify_access('user_id')",
    "policy": "create policy p on {table} using (true)",
    "alter": "alter table {table} disable row level security",
    "as owner": "set role owner",
    "as search": "set role search",
    "view": "create view v as select * from {table}",
    "function": "create function f() returns void language sql security definer as 'delete from {table}'",
}
READ: Final = "select user_password_hash($1)"
SET_USER: Final = "select set_config('app.user_id', $1, false)"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated)) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def app(shared_migrated: Urls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(shared_migrated.app)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(loop_scope="module")
async def owner(shared_migrated: Urls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(shared_migrated.owner)
    yield connection
    await connection.close()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("table", ALLOWED)
async def test_no_statement_reaches_the_tables_but_the_allowed_ones(api: Running, shared_migrated: Urls, role: str, table: str) -> None:
    await api.person(platform_admin=True)
    connection = await asyncpg.connect(getattr(shared_migrated, role))
    succeeded = set()
    for name, statement in STATEMENTS.items():
        try:
            await connection.execute(statement.format(table=table, more=", 'h'" if table == "user_passwords" else ""))
            succeeded.add(name)
        except asyncpg.InsufficientPrivilegeError:
            continue
    await connection.close()
    assert succeeded == ALLOWED[table][role]


async def test_an_administrator_keeps_the_id_by_which_the_table_names_it(api: Running, app: asyncpg.Connection) -> None:
    """Otherwise the row of another user could take its place."""
    admin = await api.person(platform_admin=True)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await app.execute("update users set id = gen_random_uuid() where id = $1", admin.id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("delete from users where id = $1", admin.id)


async def test_the_application_as_the_serving_role_creates_no_administrator(api: Running, owner: asyncpg.Connection) -> None:
    current_context.set(RequestContext(request_id="hostile"))
    email = f"{uuid4()}@example.com"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await api.services.bus.execute(CreateUser(email=EmailAddress(email), name="Mallory", password_hash="h", platform_admin=True))
    assert await owner.fetchval("select count(*) from users where email = $1", email) == 0


async def test_the_command_creates_an_administrator_with_password_tenant_and_record(
    api: Running, shared_migrated: Urls, owner: asyncpg.Connection
) -> None:
    email = f"{uuid4()}@example.com"
    user = await create_administrator(settings_on(shared_migrated), BUILT_IN, email=email, name="Ana", password=PASSWORD)
    assert user.platform_role is PlatformRole.ADMINISTRATOR
    actions = await owner.fetch("select action from audit where entity_id = $1 order by transaction_id, sequence", user.id)
    assert [row["action"] for row in actions] == ["user.created", "platform_administrator.created"]
    answer = await api.client.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await api.client.get("/api/v1/users", headers=headers)).status_code == 200
    assert (await api.client.get("/api/v1/items", headers=headers)).status_code == 200


async def test_each_process_notices_who_becomes_administrator_and_who_no_longer_is(api: Running, owner: asyncpg.Connection) -> None:
    person = await api.person()
    assert await lists_users(api, person) == 403
    await owner.execute("insert into platform_administrators values ($1)", person.id)
    await until_answer(api, person, 200)
    await owner.execute("delete from platform_administrators where user_id = $1", person.id)
    await until_answer(api, person, 403)


async def lists_users(api: Running, person: Person) -> int:
    return (await api.client.get("/api/v1/users", headers=person.headers)).status_code


async def until_answer(api: Running, person: Person, status: int) -> None:
    async with asyncio.timeout(5):
        while await lists_users(api, person) != status:
            await asyncio.sleep(0.01)


async def test_every_answer_says_who_is_an_administrator(api: Running) -> None:
    admin, person = await api.person(platform_admin=True), await api.person()
    for one, expected in ((admin, True), (person, False)):
        answers = [
            await api.client.get("/api/v1/users/me", headers=one.headers),
            await api.client.get(f"/api/v1/users/{one.id}", headers=admin.headers),
            await api.client.patch(
                "/api/v1/users/me",
                json={"name": "Anna"},
                headers=one.headers | {"If-Match": "*", "Content-Type": "application/merge-patch+json"},
            ),
        ]
        assert [answer.json()["platform_admin"] for answer in answers] == [expected] * 3
    listed = await api.client.get("/api/v1/users", params={"sort": "-created_at", "limit": 2}, headers=admin.headers)
    assert [user["platform_admin"] for user in listed.json()["items"]] == [False, True]


async def test_the_functions_reach_the_hash_of_the_user_of_the_statement_alone(api: Running, app: asyncpg.Connection) -> None:
    ana, bo = await api.person(password_hash="hash of ana"), await api.person(password_hash="hash of bo")
    assert await app.fetchval(READ, ana.id) is None
    await app.fetchval(SET_USER, str(ana.id))
    assert await app.fetchval(READ, ana.id) == "hash of ana"
    assert await app.fetchval(READ, bo.id) is None
    assert await hashes_in_one_statement(app) == {"hash of ana"}
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("select set_user_password_hash($1, 'mine')", bo.id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("select set_user_password_hash(null, 'mine')")
    await app.execute("select set_user_password_hash($1, 'new')", ana.id)
    assert await app.fetchval(READ, ana.id) == "new"
    await app.fetchval(SET_USER, str(bo.id))
    assert await app.fetchval(READ, bo.id) == "hash of bo"


async def hashes_in_one_statement(app: asyncpg.Connection) -> set[str]:
    rows = await app.fetch("select user_password_hash(id) as hash from users")
    return {row["hash"] for row in rows} - {None}


async def test_the_worker_calls_neither_function(api: Running, shared_migrated: Urls) -> None:
    ana = await api.person()
    worker = await asyncpg.connect(shared_migrated.worker)
    await worker.fetchval(SET_USER, str(ana.id))
    for call in (READ, "select set_user_password_hash($1, 'mine')"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await worker.fetchval(call, ana.id)
    await worker.close()


HOSTILE: Final = """
create schema hostile;
create table hostile.users (like public.users);
create table hostile.user_passwords (like public.user_passwords including all);
insert into hostile.user_passwords select id, 'hostile' from public.users;
create function hostile.is_same(uuid, uuid) returns boolean language sql immutable as 'select true';
create operator hostile.= (leftarg = uuid, rightarg = uuid, function = hostile.is_same);
create function hostile.current_setting(text, boolean) returns text language sql as $$ select id::text from public.users limit 1 $$;
grant all on schema hostile to public;
grant all on all tables in schema hostile to public;
"""
"""Tables, an operator and a function with the names that the functions use."""


async def test_the_functions_ignore_the_search_path_of_their_caller(api: Running, migrated: Urls, admin_of_migrated: str) -> None:
    admin, app = await asyncpg.connect(admin_of_migrated), await asyncpg.connect(migrated.app)
    ana, bo = uuid4(), uuid4()
    for id in (ana, bo):
        await admin.execute(
            "insert into users (id, email, name, status, language, version, created_at, updated_at) "
            "values ($1, $1::uuid::text || '@example.com', 'n', 'active', 'en', 1, now(), now())",
            id,
        )
        await admin.execute("insert into user_passwords values ($1, $2)", id, f"hash of {id}")
    await admin.execute(HOSTILE)
    await app.execute("set search_path = hostile, pg_catalog, public")
    assert await app.fetchval("select $1::uuid = $2::uuid", ana, bo), "the operator of the caller"
    await app.fetchval("select pg_catalog.set_config('app.user_id', $1, false)", str(ana))
    assert [await app.fetchval("select public.user_password_hash($1)", id) for id in (ana, bo)] == [f"hash of {ana}", None]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("select public.set_user_password_hash($1, 'mine')", bo)
    await app.execute("select public.set_user_password_hash($1, 'new')", ana)
    await app.close()
    stored: list[Any] = await admin.fetch("select user_id, hash from public.user_passwords")
    untouched = await admin.fetchval("select count(*) from hostile.user_passwords where hash <> 'hostile'")
    await admin.close()
    assert {row["user_id"]: row["hash"] for row in stored} == {ana: "new", bo: f"hash of {bo}"}
    assert untouched == 0


async def test_of_a_password_and_its_user_both_are_stored_or_none(api: Running, owner: asyncpg.Connection) -> None:
    person = await api.person()
    current_context.set(RequestContext(request_id="again"))
    before = await owner.fetchval("select count(*) from user_passwords")
    with pytest.raises(EmailTaken):
        await api.services.bus.execute(CreateUser(email=EmailAddress(person.email), name="Ana", password_hash="another"))
    assert await owner.fetchval("select count(*) from user_passwords") == before
    assert await owner.fetchval("select hash from user_passwords where user_id = $1", person.id) == "none"


COLUMNS: Final = "tenant_id, at, id, request_id, trace_id, address, action, entity"
VALUES: Final = "$1, now(), gen_random_uuid(), 'r', 't', 'a', 'made.up', 'e'"


@pytest.mark.parametrize(
    ("column", "value"), [("transaction_id", "'1'::xid8"), ("sequence", "1"), ("transaction_id, sequence", "'1'::xid8, 1")]
)
@pytest.mark.parametrize("role", ROLES)
async def test_no_role_sets_the_order_of_audit_records(shared_migrated: Urls, role: str, column: str, value: str) -> None:
    connection = await asyncpg.connect(getattr(shared_migrated, role))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(f"insert into audit ({COLUMNS}, {column}) values ({VALUES}, {value})", UUID(int=0))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(f"update audit set ({column}) = row ({value})")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("select setval('audit_sequence', 1)")
    await connection.close()


async def test_postgresql_orders_the_audit_records_of_the_serving_role(app: asyncpg.Connection, owner: asyncpg.Connection) -> None:
    first = await owner.fetchval("select coalesce(max(sequence), 0) from audit")
    for _ in range(2):
        await app.execute(f"insert into audit ({COLUMNS}) values ({VALUES})", UUID(int=0))
    made = await owner.fetch("select transaction_id::text::bigint as xid, sequence from audit where action = 'made.up' order by sequence")
    assert [row["sequence"] for row in made] == [first + 1, first + 2]
    assert made[0]["xid"] < made[1]["xid"]
