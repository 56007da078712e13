"""An invitation has the authority of the member who sent it, and loses it when that member does, whichever way and whoever acts at the time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest
import pytest_asyncio

from api_base.application.tenants.commands.import_members import ImportMembers, MemberRow
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Role
from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROUNDS: Final = 10
BELOW: Final = {"owner": ("admin", "member", "viewer"), "admin": ("member", "viewer")}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated)) as opened:
        yield opened


class Company:
    """The tenant of `owner`. `inviter` is a member who manages members."""

    def __init__(self, api: Running, owner: Person, inviter: Person) -> None:
        self.api, self.owner, self.inviter = api, owner, inviter
        self.path = f"/api/v1/tenants/{owner.tenant_id}"

    async def send(self, method: str, path: str, who: Person, body: dict[str, Any] | None = None) -> httpx2.Response:
        headers = {**who.headers, "If-Match": "*"}
        return await self.api.client.request(method, path, json=body, headers=headers)

    async def done(self, method: str, path: str, who: Person, body: dict[str, Any] | None = None) -> Any:
        answer = await self.send(method, path, who, body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def invite(self, who: Person, email: str, role: str) -> str:
        id: str = (await self.done("POST", f"{self.path}/invitations", who, {"email": email, "role": role}))["id"]
        return id

    async def pending(self) -> dict[str, str]:
        """Role by id of the pending invitations."""
        page = await self.done("GET", f"{self.path}/invitations", self.owner)
        return {one["id"]: one["role"] for one in page["items"] if one["accepted_at"] is None}

    async def accept(self, invitation_id: str, who: Person) -> httpx2.Response:
        token = self.api.invitation_token(self.owner, invitation_id)
        return await self.send("POST", "/api/v1/tenants/invitations/accept", who, {"token": token})

    async def members(self) -> dict[UUID, str]:
        page = await self.done("GET", f"{self.path}/members?limit=200", self.owner)
        return {UUID(one["user_id"]): one["role"] for one in page["items"]}

    async def change_role(self, role: str) -> None:
        await self.done("PATCH", f"{self.path}/members/{self.inviter.id}", self.owner, {"role": role})

    async def add_again(self) -> None:
        """The inviter manages members again, by a new membership or the one that is left."""
        await self.send("POST", f"{self.path}/members", self.owner, {"email": self.inviter.email, "role": "owner"})
        await self.change_role("owner")


async def company(api: Running, role: str) -> Company:
    owner = await api.person()
    return Company(api, owner, await api.member(owner, role))


async def removed(at: Company, role: str) -> None:
    await at.done("DELETE", f"{at.path}/members/{at.inviter.id}", at.owner)


async def left(at: Company, role: str) -> None:
    await at.done("POST", f"{at.path}/leave", at.inviter)


async def deactivated(at: Company, role: str) -> None:
    admin = await at.api.person(platform_admin=True)
    await at.done("POST", f"/api/v1/users/{at.inviter.id}/deactivate", admin)


async def reactivated(at: Company, role: str) -> None:
    await deactivated(at, role)
    admin = await at.api.person(platform_admin=True)
    await at.done("POST", f"/api/v1/users/{at.inviter.id}/reactivate", admin)


async def lowered(at: Company, role: str) -> None:
    await at.change_role(role)


async def lowered_by_import(at: Company, role: str) -> None:
    principal = Principal(
        user_id=UserId(at.owner.id),
        session_id=None,
        tenant_id=TenantId(at.owner.tenant_id),
        role="owner",
        platform_admin=False,
        permissions=frozenset({ImportMembers.permission}),
    )
    current_context.set(RequestContext(request_id="import", principal=principal))
    row = MemberRow(email=EmailAddress(at.inviter.email), role=Role(role))
    await at.api.services.bus.execute(ImportMembers(rows=[(1, row)]))


type Way = Callable[[Company, str], Awaitable[None]]
WAYS: Final[list[Way]] = [removed, left, deactivated, reactivated, lowered, lowered_by_import]
LOSSES: Final = [
    pytest.param(way, had, has, id=f"{way.__name__} {had} {has}")
    for way in WAYS
    for had, below in BELOW.items()
    for has in (below if "lowered" in way.__name__ else ("none",))
]


@pytest.mark.parametrize(("way", "had", "has"), LOSSES)
async def test_who_loses_a_right_loses_the_invitations_that_need_it_for_good(api: Running, way: Way, had: str, has: str) -> None:
    at = await company(api, had)
    guests = {role: await api.person() for role in Role if had == "owner" or role is not Role.OWNER}
    sent = {await at.invite(at.inviter, guest.email, role): role for role, guest in guests.items()}
    others = await at.invite(at.owner, (await api.person()).email, "admin")
    await way(at, has)
    kept = {id: role.value for id, role in sent.items() if has == "admin" and role is not Role.OWNER}
    assert await at.pending() == kept | {others: "admin"}
    await at.add_again()
    before = await at.members()
    for id, role in sent.items():
        answer = await at.accept(id, guests[role])
        assert answer.status_code == (200 if id in kept else 409), answer.text
    joined = {guests[role].id: role.value for id, role in sent.items() if id in kept}
    assert await at.members() == before | joined


async def test_a_member_who_joined_stays_when_the_inviter_goes(api: Running) -> None:
    at, guest = await company(api, "admin"), await api.person()
    assert (await at.accept(await at.invite(at.inviter, guest.email, "admin"), guest)).status_code == 200
    await removed(at, "none")
    assert (await at.members())[guest.id] == "admin"


@pytest.mark.parametrize("way", [removed, lowered, deactivated])
async def test_an_acceptance_beside_the_loss_counts_as_before_or_after_it(api: Running, way: Way) -> None:
    for _ in range(ROUNDS):
        at, guest = await company(api, "admin"), await api.person()
        invitation = await at.invite(at.inviter, guest.email, "admin")
        answer, _ = await asyncio.gather(at.accept(invitation, guest), way(at, "viewer"))
        assert (answer.status_code == 200) == (guest.id in await at.members())
        assert await at.pending() == {}


@pytest.mark.parametrize("way", [removed, lowered])
async def test_an_invitation_beside_the_loss_leaves_nothing_pending(api: Running, way: Way) -> None:
    for _ in range(ROUNDS):
        at, guest = await company(api, "admin"), await api.person()
        body = {"email": guest.email, "role": "admin"}
        await asyncio.gather(at.send("POST", f"{at.path}/invitations", at.inviter, body), way(at, "viewer"))
        assert await at.pending() == {}


async def test_an_address_has_one_pending_invitation_however_many_invite_it_at_once(api: Running) -> None:
    at, guest = await company(api, "owner"), await api.person()
    ids = await asyncio.gather(*(at.invite(who, guest.email, "member") for who in (at.owner, at.inviter) * 3))
    assert await at.pending() == {ids[0]: "member"}
    assert len(set(ids)) == 1
