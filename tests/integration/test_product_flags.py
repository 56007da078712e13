"""The flags of the product narrow what roles allow, for the tenants that their rules name, and never widen it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import httpx2
import pytest
import pytest_asyncio

from api_base.application.items.commands.import_items import ImportItems, ItemRow
from api_base.application.services.feature_flags import IMPORT_FILES, INVITE_MEMBERS
from api_base.core.errors import FeatureDisabled
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from api_base.domain.items.entities import ItemDetails
from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on
from tests.factories.feature_flags import flag_definition

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE: Final = 10.0
OFF: Final = "/problems/feature-disabled"
DETAILS: Final = ItemDetails(sku="A", name="Chair", description="", prices=(), category="furniture", tags=(), attributes={})


class World:
    def __init__(self, api: Running, administrator: Person) -> None:
        self.api, self.administrator = api, administrator

    async def send(self, who: Person, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        sent = {**who.headers, "If-Match": "*", **headers}
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.api.client.request(method, f"/api/v1{path}", headers=sent, **content)

    async def serve(self, key: str, **members: Any) -> None:
        """Store the flag of the product, on unless `members` say otherwise, in place of the one of the test before."""
        definition = flag_definition(key, **{"default_variant": "on", "rules": [], "enabled": True, **members})
        answer = await self.send(self.administrator, "POST", "/flags", {"definition": definition})
        if answer.status_code == 409:
            answer = await self.send(self.administrator, "PATCH", f"/flags/{key}", {"definition": definition, "archived": False})
        assert answer.is_success, answer.text

    async def archive(self, key: str) -> None:
        assert (await self.send(self.administrator, "PATCH", f"/flags/{key}", {"archived": True})).is_success

    async def invite(self, who: Person) -> httpx2.Response:
        body = {"email": f"guest-{time.monotonic_ns()}@example.com", "role": "viewer"}
        return await self.send(who, "POST", f"/tenants/{who.tenant_id}/invitations", body)

    async def import_items(self, who: Person, file: str | None = None) -> httpx2.Response:
        """Import `file`, or a new file."""
        file = file or await self.api.uploaded(who, b"sku,name,category\n")
        return await self.send(who, "POST", "/items/imports", {"file_id": file})

    async def import_members(self, who: Person, file: str | None = None) -> httpx2.Response:
        """Import `file`, or a new file."""
        file = file or await self.api.uploaded(who, b"email,role\n")
        return await self.send(who, "POST", f"/tenants/{who.tenant_id}/members/imports", {"file_id": file})

    async def until(self, send: Callable[[], Awaitable[httpx2.Response]], status: int) -> httpx2.Response:
        """The first answer with this status: the process hears of a change after the request that made it."""
        deadline = time.monotonic() + PATIENCE
        while (answer := await send()).status_code != status:
            assert time.monotonic() < deadline, answer.text
            await asyncio.sleep(0.02)  # invitations have a quota, which attempts without a pause use up
        return answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(shared_migrated: Urls) -> AsyncIterator[World]:
    async with running(settings_on(shared_migrated)) as api:
        yield World(api, await api.person(platform_admin=True))


def for_tenants_but(person: Person) -> list[dict[str, Any]]:
    condition = {"attribute": "tenant", "operator": "in", "values": [str(person.tenant_id)]}
    return [{"conditions": [condition], "variant": "off"}]


async def test_who_may_invite_is_decided_per_tenant(world: World) -> None:
    narrowed, other = await world.api.person(), await world.api.person()
    assert (await world.invite(narrowed)).status_code == 201, "without the flag nothing changes"
    await world.serve(INVITE_MEMBERS, rules=for_tenants_but(narrowed))
    refused = await world.until(lambda: world.invite(narrowed), 403)
    assert (refused.json()["type"], INVITE_MEMBERS in refused.json()["detail"]) == (OFF, True)
    assert (await world.api.client.get(OFF)).text.startswith(f"# {refused.json()['title']}\n")
    assert (await world.invite(other)).status_code == 201
    await world.archive(INVITE_MEMBERS)
    await world.until(lambda: world.invite(narrowed), 201)


async def test_a_flag_that_is_on_gives_nobody_a_right(world: World) -> None:
    owner = await world.api.person()
    viewer = await world.api.member(owner, "viewer")
    await world.serve(INVITE_MEMBERS)
    await world.serve(IMPORT_FILES)
    file = await world.api.uploaded(owner, b"sku,name,category\n")
    for attempt in (world.invite(viewer), world.import_items(viewer, file), world.import_members(viewer, file)):
        answer = await attempt
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")


async def test_the_kill_switch_stops_imports_of_every_kind(world: World) -> None:
    owner = await world.api.person()
    await world.serve(IMPORT_FILES)
    await world.until(lambda: world.import_items(owner), 202)
    assert (await world.send(world.administrator, "POST", f"/flags/{IMPORT_FILES}/off")).is_success
    for attempt in (world.import_items, world.import_members):
        assert (await world.until(lambda one=attempt: one(owner), 403)).json()["type"] == OFF
    await world.archive(IMPORT_FILES)
    await world.until(lambda: world.import_members(owner), 202)


async def test_an_import_that_runs_stops_at_its_next_chunk(world: World) -> None:
    """The job and the command line send each chunk as a message. Its progress is stored, so the import continues later."""
    owner = await world.api.person()
    permissions = frozenset({ImportItems.permission})
    principal = Principal(
        user_id=UserId(owner.id), session_id=None, tenant_id=TenantId(owner.tenant_id), role="owner", platform_admin=False,
        permissions=permissions,
    )  # fmt: skip
    current_context.set(RequestContext(request_id="a-job", principal=principal))
    services = world.api.services
    with services.container.current_flags.forced({IMPORT_FILES: False}), pytest.raises(FeatureDisabled, match=IMPORT_FILES):
        await services.bus.execute(ImportItems(rows=[(1, ItemRow(details=DETAILS, first_price_only=False))]))
    assert len(await services.bus.execute(ImportItems(rows=[(1, ItemRow(details=DETAILS, first_price_only=False))]))) == 1
