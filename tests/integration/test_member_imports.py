"""Import of members over HTTP: rows are added, changed or refused one by one, and nothing reaches another tenant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from api_base.application.tenants.commands.import_members import ImportMemberFile
from api_base.core.errors import NotFound
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, running, settings_on
from tests.integration.test_upload_imports import Desk

HEADER = "email,role\n"


@asynccontextmanager
async def desk(urls: Urls, **settings: dict[str, str]) -> AsyncIterator[Desk]:
    async with running(settings_on(urls, **settings)) as api:
        owner = await api.person()
        yield Desk(api, urls, owner, path(owner.tenant_id))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def refusing_desk(shared_migrated: Urls) -> AsyncIterator[Desk]:
    """One desk for all tests of what starts no import."""
    async with desk(shared_migrated) as at:
        yield at


def path(tenant_id: UUID) -> str:
    return f"/api/v1/tenants/{tenant_id}/members/imports"


def as_member(at: Desk, person: Person) -> Desk:
    return Desk(at.api, at.urls, person, at.path)


async def roles(at: Desk) -> dict[UUID, str]:
    found = await at.rows("select user_id, role from memberships where tenant_id = $1", at.person.tenant_id)
    return {row["user_id"]: row["role"] for row in found}


@pytest.mark.slow
async def test_members_are_added_changed_left_and_refused_row_by_row(migrated: Urls) -> None:
    async with desk(migrated) as at:
        added, changed, same = await at.api.person(), await at.api.member(at.person, "viewer"), await at.api.member(at.person, "admin")
        content = (
            f"{HEADER}{added.email.upper()},member\n{changed.email},admin\n{same.email},admin\n"
            f"nobody@example.com,viewer\n{added.email},viewer\nno address,king\n{at.person.email},member\n"
        )
        job = await at.imported(content)
        assert (job["name"], job["state"], job["progress"]) == ("tenants.import_members", "succeeded", 100)
        assert job["result"] == {
            "rows": 7,
            "created": 1,
            "updated": 1,
            "unchanged": 1,
            "refused": 4,
            "refused_rows": [
                {"row": 4, "reason": "No user with the id nobody@example.com exists."},
                {"row": 5, "reason": f"email must be unique in the file: '{added.email}' is in row 1 already"},
                {"row": 6, "reason": "email must be an e-mail address such as ana@example.com"},
                {"row": 7, "reason": "A tenant must have an owner, and this member is the last one. Make another member an owner first."},
            ],
        }
        expected = {at.person.id: "owner", added.id: "member", changed.id: "admin", same.id: "admin"}
        assert await roles(at) == expected
        events = await at.rows("select name from outbox where name like 'tenants.member%' order by sequence")
        assert [row["name"] for row in events][-2:] == ["tenants.member_added.v1", "tenants.member_role_changed.v1"]

        again = await at.imported(content)
        assert (again["result"]["unchanged"], again["result"]["refused"], await roles(at)) == (3, 4, expected)


@pytest.mark.slow
async def test_an_owner_may_step_down_once_another_row_has_made_an_owner(migrated: Urls) -> None:
    async with desk(migrated) as at:
        other = await at.api.member(at.person, "member")
        job = await at.imported(f"{HEADER}{other.email},owner\n{at.person.email},viewer\n")
        assert (job["result"]["updated"], await roles(at)) == (2, {other.id: "owner", at.person.id: "viewer"})


@pytest.mark.slow
async def test_an_admin_imports_members_but_no_owners_and_a_member_imports_nobody(migrated: Urls) -> None:
    async with desk(migrated) as at:
        admin, member = [await at.api.member(at.person, role) for role in ("admin", "member")]
        new = [await at.api.person() for _ in range(2)]
        job = await as_member(at, admin).imported(f"{HEADER}{new[0].email},owner\n{new[1].email},viewer\n{at.person.email},viewer\n")
        only = "Only an owner may make, change or remove an owner."
        assert job["result"]["refused_rows"] == [{"row": 1, "reason": only}, {"row": 3, "reason": only}]
        assert await roles(at) == {at.person.id: "owner", admin.id: "admin", member.id: "member", new[1].id: "viewer"}
        assert (await as_member(at, member).send(f"{HEADER}{new[0].email},viewer\n")).status_code == 403
        assert len(await at.rows("select from imports")) == 1


@pytest.mark.parametrize(
    ("content", "query", "reason"),
    [
        ("mail,role\na@example.com,member\n", "", "The file has no column email; it has mail, role."),
        (f"{HEADER}a@example.com,member\n", "map=email=email", "The mapping does not set role. Add role=COLUMN."),
        (f"{HEADER}a@example.com,member\n", "map=email=email&set=role=king", "role=king: must be one of owner, admin, member, viewer."),
        (f"{HEADER}a@example.com,member\n", "set=email=a@example.com", "email=a@example.com: each row needs its own email."),
        (f"{HEADER}a@example.com,member\n", "map=name=x", "'name' in 'name=x' is not a target. The targets are email, role."),
        ("", "", "The file is empty"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_mapping_that_cannot_work_is_refused_before_anything_starts(
    refusing_desk: Desk, content: str, query: str, reason: str
) -> None:  # fmt: skip
    answer = await refusing_desk.send(content, query)
    assert (answer.status_code, reason in answer.json()["detail"]) == (422, True), answer.text
    assert await refusing_desk.rows("select from imports union all select from jobs where name <> 'files.check'") == []


@pytest.mark.slow
async def test_a_foreign_tenant_is_answered_as_a_random_one_and_is_not_changed(migrated: Urls) -> None:
    async with desk(migrated) as at:
        foreign = await at.api.person()
        content = f"{HEADER}{at.person.email},owner\n"
        answers = [
            await Desk(at.api, at.urls, at.person, path(id)).send(content) for id in (foreign.tenant_id, uuid4())
        ]  # fmt: skip
        assert [answer.status_code for answer in answers] == [404, 404]
        assert {answer.json()["type"] for answer in answers} == {"/problems/not-found"}
        assert await at.rows("select from imports union all select from jobs where name <> 'files.check'") == []

        location = await at.started(f"{HEADER}{foreign.email},viewer\n")
        assert (await at.api.client.get(location, headers=foreign.headers)).status_code == 404
        async with at.worker():
            await at.ended(location)
        assert await roles(Desk(at.api, at.urls, foreign, at.path)) == {foreign.id: "owner"}
        assert (await roles(at))[foreign.id] == "viewer"


async def test_an_import_continues_after_the_rows_that_are_done(migrated: Urls) -> None:
    async with desk(migrated) as at:
        people = [await at.api.person() for _ in range(3)]
        rows = "".join(f"{person.email},viewer\n" for person in (*people, people[0]))
        location = await at.started(HEADER + rows)
        await at.rows("update imports set rows_done = 2, created = 2")
        async with at.worker():
            result = (await at.ended(location))["result"]
        assert (result["rows"], result["created"], result["refused"]) == (4, 3, 1)
        assert result["refused_rows"][0]["reason"] == f"email must be unique in the file: '{people[0].email}' is in row 1 already"
        assert await roles(at) == {at.person.id: "owner", people[2].id: "viewer"}


async def test_where_members_join_by_invitation_only_the_job_fails_with_that_reason(migrated: Urls) -> None:
    async with desk(migrated, auth={"registration": "invited"}) as at:
        job = await at.imported(f"{HEADER}{(await at.api.person()).email},viewer\n")
        assert (job["state"], job["error"]) == (
            "failed",
            "This server adds members by invitation only: use POST /api/v1/tenants/{id}/invitations.",
        )
        assert await roles(at) == {at.person.id: "owner"}


async def test_a_file_of_another_kind_is_not_found(migrated: Urls) -> None:
    async with desk(migrated) as at:
        await Desk(at.api, at.urls, at.person).started("sku,name,category\nA,Thing,things\n")
        [row] = await at.rows("select id from imports")
        current_context.set(RequestContext(request_id="test", principal=principal(at.person)))
        with pytest.raises(NotFound, match="import"):
            await at.api.services.bus.execute(ImportMemberFile(import_id=row["id"]))


def principal(person: Person) -> Principal:
    return Principal(
        user_id=UserId(person.id),
        session_id=None,
        tenant_id=TenantId(person.tenant_id),
        role="owner",
        platform_admin=False,
        permissions=frozenset({"tenants:manage_members"}),
    )
