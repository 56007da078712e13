"""Feature flags are administered by administrators of the platform alone: versions, the audit, the second person, rules over all flags."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from api_base.application.flags import permissions
from api_base.application.flags.commands.propose_change import ApproveProposal
from api_base.core.types import Principal, RequestContext, UserId, current_context
from api_base.domain.flags.errors import AdministratorInactive
from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on
from tests.factories.feature_flags import flag_definition

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUNDS: Final = 10
_numbers = count(1)


class World:
    """Two administrators of the platform and a connection to look at the database."""

    def __init__(self, api: Running, ana: Person, bo: Person, owner: asyncpg.Connection) -> None:
        self.api, self.ana, self.bo, self.owner = api, ana, bo, owner

    async def send(self, method: str, path: str, body: Any = None, *, by: Person | None = None, if_match: str = "*") -> httpx2.Response:
        headers = {**(by or self.ana).headers, "If-Match": if_match}
        return await self.api.client.request(method, f"/api/v1{path}", json=body, headers=headers)

    async def done(self, method: str, path: str, body: Any = None, *, by: Person | None = None) -> Any:
        answer = await self.send(method, path, body, by=by)
        assert answer.is_success, answer.text
        return answer.json()

    async def flag(self, *, definition: dict[str, Any] | None = None, **settings: Any) -> str:
        """The key of a new flag."""
        document = flag_definition(f"flag-{next(_numbers)}", **(definition or {}))
        key: str = (await self.done("POST", "/flags", {"definition": document, **settings}))["key"]
        return key

    async def proposal(self, key: str, patch: dict[str, Any], by: Person | None = None) -> str:
        id: str = (await self.done("POST", f"/flags/{key}/proposals", patch, by=by))["id"]
        return id

    async def audit(self, key: str) -> list[tuple[str, UUID, Any, Any]]:
        """Action, actor, and the difference in the records of a flag, as administrators of the platform read them."""
        id = (await self.done("GET", f"/flags/{key}"))["id"]
        page = await self.done("GET", f"/audit/platform?entity_id={id}&sort=at")
        return [(one["action"], UUID(one["actor_id"]), one["before"], one["after"]) for one in page["items"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(shared_migrated: Urls) -> AsyncIterator[World]:
    async with running(settings_on(shared_migrated)) as api:
        owner = await asyncpg.connect(shared_migrated.owner)
        yield World(api, await api.person(platform_admin=True), await api.person(platform_admin=True), owner)
        await owner.close()


def refused(answer: httpx2.Response, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    assert words in answer.text


async def test_a_change_names_the_version_and_leaves_its_difference(world: World) -> None:
    key = await world.flag(owner="web team")
    rule = {"conditions": [{"attribute": "plan", "operator": "in", "values": ["pro"]}], "variant": "on"}
    patch = {"definition": {"default_variant": "on", "rules": [rule]}, "owner": None, "description": "Shorter"}
    assert (await world.send("PATCH", f"/flags/{key}", patch, if_match='"v1-json1"')).json()["version"] == 2
    refused(await world.send("PATCH", f"/flags/{key}", {"owner": "late"}, if_match='"v1-json1"'), 412, "no longer at version 1")
    created, changed = await world.audit(key)
    assert created[:2] == ("flag.created", world.ana.id)
    action, actor, before, after = changed
    assert (action, actor) == ("flag.updated", world.ana.id)
    assert {name: before[name] for name in ("/definition/default_variant", "owner", "description")} == {
        "/definition/default_variant": "off", "owner": "web team", "description": ""
    }  # fmt: skip
    assert after["/definition/default_variant"] == "on"
    assert after["/definition/rules"] == [rule]
    assert "/definition/rules" not in before
    assert "definition" not in before.keys() | after.keys(), "two whole documents are no difference"


async def test_a_change_without_a_difference_is_none(world: World) -> None:
    key = await world.flag(owner="web")
    assert (await world.done("PATCH", f"/flags/{key}", {"owner": "web", "definition": {"enabled": True}}))["version"] == 1
    assert [one[0] for one in await world.audit(key)] == ["flag.created"]


async def test_a_key_is_taken_once_and_an_archived_flag_comes_back(world: World) -> None:
    key = await world.flag()
    refused(await world.send("POST", "/flags", {"definition": flag_definition(key)}), 409, f"a flag {key} exists")
    assert (await world.done("PATCH", f"/flags/{key}", {"archived": True}))["archived"]
    assert [one["key"] for one in (await world.done("GET", f"/flags?archived=true&key={key}"))["items"]] == [key]
    assert not (await world.done("PATCH", f"/flags/{key}", {"archived": False}))["archived"]


async def test_a_protected_flag_is_changed_by_two_and_switched_off_by_one(world: World) -> None:
    key = await world.flag(protected=True)
    for patch in ({"protected": False}, {"archived": True}, {"definition": {"default_variant": "on"}}):
        refused(await world.send("PATCH", f"/flags/{key}", patch), 409, "is protected: propose the change")
    id = await world.proposal(key, {"definition": {"default_variant": "on"}, "protected": False})
    shown = await world.done("GET", f"/flag-proposals/{id}", by=world.bo)
    assert shown["changes"] == [
        {"pointer": "/definition/default_variant", "before": "off", "after": "on"},
        {"pointer": "/protected", "before": True, "after": False},
    ]
    refused(await world.send("POST", f"/flag-proposals/{id}/approve"), 403, "Another administrator")
    assert (await world.done("POST", f"/flag-proposals/{id}/approve", by=world.bo))["status"] == "approved"
    flag = await world.done("GET", f"/flags/{key}")
    assert (flag["version"], flag["protected"], flag["definition"]["default_variant"]) == (2, False, "on")
    refused(await world.send("POST", f"/flag-proposals/{id}/approve", by=world.bo), 409, "already approved")
    assert [(action, actor) for action, actor, *_ in await world.audit(key)] == [
        ("flag.created", world.ana.id),
        ("flag.updated", world.bo.id),
    ]
    guarded = await world.flag(protected=True)
    assert (await world.done("POST", f"/flags/{guarded}/off"))["definition"]["enabled"] is False
    refused(await world.send("POST", f"/flags/{guarded}/on"), 409, "is protected")


async def test_a_proposal_is_for_the_version_that_it_names(world: World) -> None:
    key = await world.flag(protected=True)
    refused(await world.send("POST", f"/flags/{key}/proposals", {"owner": "x"}, if_match='"v9-json1"'), 412, "no longer at version 9")
    first, second = [await world.proposal(key, {"owner": owner}) for owner in ("one", "two")]
    await world.done("POST", f"/flag-proposals/{first}/approve", by=world.bo)
    refused(await world.send("POST", f"/flag-proposals/{second}/approve", by=world.bo), 409, "no longer at version 1")
    assert (await world.done("POST", f"/flag-proposals/{second}/reject"))["status"] == "rejected"
    assert (await world.done("GET", f"/flags/{key}"))["owner"] == "one"


async def test_a_proposal_lapses_with_the_authority_of_its_proposer(world: World) -> None:
    gone = await world.api.person(platform_admin=True)
    key = await world.flag(protected=True)
    id = await world.proposal(key, {"protected": False}, by=gone)
    await world.done("POST", f"/users/{gone.id}/deactivate")
    refused(await world.send("POST", f"/flag-proposals/{id}/approve", by=world.bo), 403, "must be active administrators")
    assert (await world.done("GET", f"/flags/{key}"))["protected"]


async def test_an_approver_whose_authority_ended_a_moment_ago_approves_nothing(world: World) -> None:
    """The process has not heard of it yet: the principal still has the permission, so the transaction has to look."""
    approver = await world.api.person(platform_admin=True)
    key = await world.flag(protected=True)
    id = await world.proposal(key, {"protected": False})
    await world.done("POST", f"/users/{approver.id}/deactivate")
    principal = Principal(
        user_id=UserId(approver.id), session_id=None, tenant_id=None, role=None, platform_admin=True,
        permissions=frozenset({permissions.MANAGE}),
    )  # fmt: skip
    current_context.set(RequestContext(request_id="late", principal=principal))
    with pytest.raises(AdministratorInactive):
        await world.api.services.bus.execute(ApproveProposal(id=UUID(id), expected_version=None))
    assert (await world.done("GET", f"/flags/{key}"))["protected"]


async def test_two_approvals_at_the_same_time_apply_once(world: World) -> None:
    carol = await world.api.person(platform_admin=True)
    for _ in range(ROUNDS):
        key = await world.flag(protected=True)
        id = await world.proposal(key, {"owner": "approved"})
        answers = await asyncio.gather(*(world.send("POST", f"/flag-proposals/{id}/approve", by=by) for by in (world.bo, carol)))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert (await world.done("GET", f"/flags/{key}"))["version"] == 2


async def test_two_changes_that_make_a_cycle_together_do_not_both_succeed(world: World) -> None:
    for _ in range(ROUNDS):
        one, other = await world.flag(), await world.flag()
        patches = [(one, {"prerequisites": [{"key": other, "variant": "on"}]}), (other, {"prerequisites": [{"key": one, "variant": "on"}]})]
        answers = await asyncio.gather(*(world.send("PATCH", f"/flags/{key}", {"definition": patch}) for key, patch in patches))
        assert sorted(answer.status_code for answer in answers) == [200, 422]
        problem = next(answer.json() for answer in answers if answer.status_code == 422)
        assert [error["pointer"] for error in problem["errors"]] == ["/body/definition/prerequisites"]
        assert "cycle" in problem["detail"]
        for key in (one, other):
            await world.done("PATCH", f"/flags/{key}", {"definition": {"prerequisites": None}})


async def test_what_a_protected_flag_depends_on_cannot_become_unprotected(world: World) -> None:
    base = await world.flag(protected=True)
    await world.flag(protected=True, definition={"prerequisites": [{"key": base, "variant": "on"}]})
    answer = await world.send("POST", f"/flags/{base}/proposals", {"protected": False})
    refused(answer, 422, "must be protected as well")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"definition": {}}, "/body/definition/key"),
        ({"definition": flag_definition("UPPER CASE")}, "/body/definition/key"),
        ({"definition": flag_definition("a", default_variant="none")}, "/body/definition/default_variant"),
        ({"definition": flag_definition("a", rules=[{"split": {"on": 10001}}])}, "/body/definition/rules/0/split/on"),
        ({"definition": flag_definition("a", prerequisites=[{"key": "a", "variant": "on"}])}, "/body/definition/prerequisites"),
        ({"definition": flag_definition("a", variants={"on": 1, "off": False})}, "/body/definition/variants/on"),
        ({"definition": flag_definition("a"), "protected": "yes"}, "/body/protected"),
        ({"definition": flag_definition("a"), "stale_after": "soon"}, "/body/stale_after"),
        ({"definition": flag_definition("a"), "stale_after": "0001-01-01T00:00:00+14:00"}, "/body/stale_after"),
        ({"definition": flag_definition("a", default_variant=None)}, "/body/definition/default_variant"),
        ({"definition": flag_definition("a"), "archived": True}, "/body/archived"),
        ({"definition": []}, "/body/definition"),
        ({}, "/body/definition"),
    ],
)
async def test_a_bad_flag_is_refused_where_it_is_bad(world: World, body: dict[str, Any], pointer: str) -> None:
    answer = await world.send("POST", "/flags", body)
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


async def test_a_definition_that_is_too_large_is_refused(world: World) -> None:
    answer = await world.send("POST", "/flags", {"definition": flag_definition("a", variants={"on": "x" * 100_000}, type="string")})
    assert answer.status_code == 422, answer.text


async def test_a_stored_flag_that_is_not_valid_is_shown_and_does_not_stop_others(world: World) -> None:
    broken, other = await world.flag(), await world.flag()
    await world.owner.execute("update flags set definition = definition - 'variants' where key = $1", broken)
    assert "variants" not in (await world.done("GET", f"/flags/{broken}"))["definition"]
    refused(await world.send("PATCH", f"/flags/{broken}", {"owner": "x"}), 409, "is not valid")
    assert (await world.done("PATCH", f"/flags/{other}", {"owner": "x"}))["version"] == 2
    assert broken not in [one["key"] for one in (await world.done("GET", "/stale-flags"))["items"]]


async def test_a_stored_flag_that_is_not_valid_and_that_another_needs_does_not_stop_others(world: World) -> None:
    broken, other = await world.flag(), await world.flag()
    needs = await world.flag(definition={"prerequisites": [{"key": broken, "variant": "on"}]})
    await world.owner.execute("update flags set definition = definition - 'variants' where key = $1", broken)
    assert (await world.done("PATCH", f"/flags/{other}", {"owner": "x"}))["version"] == 2
    assert await world.flag(definition={"prerequisites": [{"key": other, "variant": "on"}]})
    refused(await world.send("PATCH", f"/flags/{needs}", {"owner": "x"}), 422, f"names the flag {broken}, which does not exist")
    assert (await world.done("PATCH", f"/flags/{needs}", {"definition": {"prerequisites": None}}))["version"] == 2


async def test_a_stored_proposal_that_is_not_valid_is_listed_and_rejected(world: World) -> None:
    key = await world.flag(protected=True)
    id = await world.proposal(key, {"owner": "x"})
    await world.owner.execute("update flag_proposals set settings = settings #- '{definition,variants}' where id = $1", UUID(id))
    assert id in [one["id"] for one in (await world.done("GET", "/flag-proposals?status=pending"))["items"]]
    assert (await world.done("GET", f"/flag-proposals/{id}"))["key"] == key
    refused(await world.send("POST", f"/flag-proposals/{id}/approve", by=world.bo), 422, "/definition/variants")
    assert (await world.done("POST", f"/flag-proposals/{id}/reject"))["status"] == "rejected"


async def test_stale_flags_are_listed_with_their_reasons(world: World) -> None:
    fresh, dated, unused = await world.flag(), await world.flag(owner="web", stale_after="2026-01-01T00:00:00Z"), await world.flag()
    old = "update flags set created_at = now() - interval '40 days', updated_at = now() - interval '40 days' where key = $1"
    await world.owner.execute(old, unused)
    listed = {one["key"]: one for one in (await world.done("GET", "/stale-flags"))["items"]}
    assert fresh not in listed
    assert (listed[dated]["reasons"], listed[dated]["owner"]) == (["date_passed"], "web")
    assert listed[unused]["reasons"] == ["one_variant", "not_evaluated"]
    needs = await world.flag(definition={"prerequisites": [{"key": unused, "variant": "on"}]})
    for archived, reasons in ((False, ["one_variant"]), (True, ["one_variant", "not_evaluated"])):
        await world.done("PATCH", f"/flags/{needs}", {"archived": archived})
        listed = {one["key"]: one for one in (await world.done("GET", "/stale-flags"))["items"]}
        assert listed[unused]["reasons"] == reasons


@pytest.mark.parametrize("role", ["owner", "admin", "member", "viewer"])
async def test_no_role_of_a_tenant_opens_anything(world: World, role: str) -> None:
    owner = await world.api.person()
    person = owner if role == "owner" else await world.api.member(owner, role)
    key, guarded = await world.flag(), await world.flag(protected=True)
    id = await world.proposal(guarded, {"protected": False})
    attempts = [
        ("GET", "/flags", None),
        ("GET", "/stale-flags", None),
        ("GET", "/flag-proposals", None),
        ("GET", f"/flag-proposals/{id}", None),
        ("GET", f"/flags/{key}", None),
        ("GET", "/flags/no-such-flag", None),
        ("POST", "/flags", {"definition": flag_definition("theirs")}),
        ("PATCH", f"/flags/{key}", {"owner": "me"}),
        ("POST", f"/flags/{key}/off", None),
        ("POST", f"/flags/{key}/on", None),
        ("POST", f"/flags/{guarded}/proposals", {"owner": "me"}),
        ("POST", f"/flag-proposals/{id}/approve", None),
        ("POST", f"/flag-proposals/{id}/reject", None),
    ]
    for method, path, body in attempts:
        refused(await world.send(method, path, body, by=person), 403, permissions.MANAGE)
    assert (await world.done("GET", f"/flags/{key}"))["version"] == 1
    assert (await world.done("GET", f"/flag-proposals/{id}"))["status"] == "pending"
    refused(await world.send("GET", "/audit/platform", by=person), 403, "audit")
