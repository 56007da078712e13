"""A valid request to each route: what it declares as its example, and here what must exist for it. A route with ids in its path
or a body that names what exists is arranged by its name; one that is missing fails the walk.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

import httpx2

from api_base.application.services.file_upload.keys import incoming_key
from api_base.application.services.file_upload.thumbnails import MakeThumbnails
from tests.application import PASSWORD, Person, Running
from tests.architecture.routes import Route
from tests.factories.content import picture
from tests.factories.feature_flags import flag_definition
from tests.support import act_for

LEAST: Final[Mapping[str, str]] = {
    "create_item": "member",
    "update_item": "member",
    "publish_item": "member",
    "archive_item": "member",
    "batch_items": "member",
    "upload_file": "member",
    "rename_file": "member",
    "issue_ticket": "member",
    "complete_upload": "member",
    "attach_file": "member",
    "detach_file": "member",
    "delete_file": "admin",
    "delete_item": "admin",
    "restore_item": "admin",
    "import_items": "admin",
    "rename_tenant": "admin",
    "add_member": "admin",
    "import_members": "admin",
    "invite_member": "admin",
    "list_invitations": "admin",
    "revoke_invitation": "admin",
    "change_member_role": "admin",
    "remove_member": "admin",
    "change_plan": "platform",
    "change_public_pages": "admin",
    "list_audit": "admin",
    "list_platform_audit": "platform",
    "list_users": "platform",
    "get_user": "platform",
    "deactivate_user": "platform",
    "reactivate_user": "platform",
    "create_flag": "platform",
    "list_flags": "platform",
    "list_stale_flags": "platform",
    "get_flag": "platform",
    "change_flag": "platform",
    "switch_flag_off": "platform",
    "switch_flag_on": "platform",
    "propose_flag_change": "platform",
    "list_flag_proposals": "platform",
    "get_flag_proposal": "platform",
    "approve_flag_proposal": "platform",
    "reject_flag_proposal": "platform",
}
"""The least that one must be, by route; any member of a tenant where nothing is said."""

_BELOW: Final = {"member": "viewer", "admin": "member", "platform": "owner"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arranged:
    """What there is for a route. `body` are members of the example to replace, `version` is that of what is changed."""

    ids: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    sender: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A valid request. `weaker` is somebody of the same tenant who may not send it."""

    route: Route
    ids: Mapping[str, object]
    query: str
    headers: Mapping[str, str]
    content: bytes
    etag: str
    weaker: Person | None

    @property
    def path(self) -> str:
        return self.route.template.format_map(self.ids)

    def without(self, *names: str) -> "Example":
        """The same without some headers."""
        return replace(self, headers={name: value for name, value in self.headers.items() if name not in names})

    def adding(self, headers: Mapping[str, str]) -> "Example":
        return replace(self, headers={**self.headers, **headers})

    async def send(self, client: httpx2.AsyncClient, method: str | None = None) -> httpx2.Response:
        url = self.path + (f"?{self.query}" if self.query else "")
        return await client.request(method or self.route.method, url, headers=dict(self.headers), content=self.content or None)


@dataclass(frozen=True, slots=True)
class Scene:
    """`owner` founded the tenant that `sender` is in."""

    running: Running
    owner: Person
    sender: Person


async def nothing(scene: Scene) -> Arranged:
    return Arranged()


async def an_item(scene: Scene) -> Arranged:
    made = await scene.running.item(scene.owner, price={"amount": "1.00", "currency": "EUR"})
    return Arranged(ids={"id": made["id"]})


async def a_deleted_item(scene: Scene) -> Arranged:
    arranged = await an_item(scene)
    deleted = await scene.running.client.delete(
        f"/api/v1/items/{arranged.ids['id']}", headers={**scene.owner.headers, "If-Match": '"v1-json1"'}
    )
    assert deleted.status_code == 204
    return replace(arranged, version=2)


async def a_job(scene: Scene) -> Arranged:
    file = await scene.running.uploaded(scene.owner, b"sku,name,category\n")
    began = await scene.running.client.post("/api/v1/items/imports", json={"file_id": file}, headers=scene.owner.headers)
    assert began.status_code == 202
    return Arranged(ids={"id": began.json()["job_id"]}, sender=scene.owner)


async def a_file_of_items(scene: Scene) -> Arranged:
    return Arranged(body={"file_id": await scene.running.uploaded(scene.sender, b"sku,name,category\n")})


async def own_tenant_and_a_file_of_members(scene: Scene) -> Arranged:
    return Arranged(ids={"id": scene.sender.tenant_id}, body={"file_id": await scene.running.uploaded(scene.sender, b"email,role\n")})


async def own_tenant(scene: Scene) -> Arranged:
    return Arranged(ids={"id": scene.sender.tenant_id})


async def own_tenant_and_a_user(scene: Scene) -> Arranged:
    return Arranged(ids={"id": scene.sender.tenant_id}, body={"email": (await scene.running.person()).email})


async def a_member(scene: Scene) -> Arranged:
    return Arranged(ids={"id": scene.sender.tenant_id, "user_id": (await scene.running.member(scene.owner, "member")).id})


async def an_invitation(scene: Scene) -> Arranged:
    return Arranged(ids={"id": scene.sender.tenant_id, "invitation_id": await scene.running.invitation(scene.owner)})


async def an_invitation_token(scene: Scene) -> Arranged:
    """Of another tenant: the sender is a member of this one."""
    host = await scene.running.person()
    return Arranged(body={"token": scene.running.invitation_token(host, await scene.running.invitation(host))})


async def a_session(scene: Scene) -> Arranged:
    sender = scene.sender
    await scene.running.logged_in(sender.id, sender.email, sender.tenant_id)
    listed = await scene.running.client.get("/api/v1/auth/sessions", headers=sender.headers)
    return Arranged(ids={"id": next(one["id"] for one in listed.json()["items"] if not one["current"])})


async def a_user(scene: Scene) -> Arranged:
    return Arranged(ids={"id": (await scene.running.person()).id})


async def a_deactivated_user(scene: Scene) -> Arranged:
    arranged = await a_user(scene)
    deactivated = await scene.running.client.post(f"/api/v1/users/{arranged.ids['id']}/deactivate", headers=scene.sender.headers)
    assert deactivated.status_code == 200
    return replace(arranged, version=2)


async def a_password(scene: Scene) -> tuple[Person, str]:
    hashed = await scene.running.services.container.password_hasher.hash(PASSWORD)
    return await scene.running.person(password_hash=hashed), PASSWORD


async def for_login(scene: Scene) -> Arranged:
    person, password = await a_password(scene)
    return Arranged(body={"email": person.email, "password": password})


async def for_token(scene: Scene) -> Arranged:
    person, password = await a_password(scene)
    return Arranged(body={"username": person.email, "password": password})


async def for_change_password(scene: Scene) -> Arranged:
    person, password = await a_password(scene)
    return Arranged(body={"current_password": password}, sender=person)


async def for_refresh(scene: Scene) -> Arranged:
    return Arranged(body={"refresh_token": scene.sender.refresh_token})


async def for_register(scene: Scene) -> Arranged:
    return Arranged(body={"email": f"new-{scene.owner.email}"})


async def for_confirm_registration(scene: Scene) -> Arranged:
    return Arranged(body={"token": await scene.running.registration(f"new-{scene.owner.email}")})


async def for_reset_password(scene: Scene) -> Arranged:
    return Arranged(body={"token": await scene.running.password_reset(scene.owner)})


async def for_create_tenant(scene: Scene) -> Arranged:
    return Arranged(body={"slug": f"new-{scene.owner.id}"})


async def for_create_flag(scene: Scene) -> Arranged:
    return Arranged(body={"definition": flag_definition(str(uuid4()))})


async def a_flag(scene: Scene, **settings: Any) -> Arranged:
    body = {"definition": flag_definition(str(uuid4())), **settings}
    made = await scene.running.client.post("/api/v1/flags", json=body, headers=scene.sender.headers)
    assert made.status_code == 201, made.text
    return Arranged(ids={"key": made.json()["key"]})


async def a_protected_flag(scene: Scene) -> Arranged:
    return await a_flag(scene, protected=True)


async def a_proposal(scene: Scene) -> Arranged:
    """Of another administrator than the sender."""
    other = await scene.running.person(platform_admin=True)
    key = (await a_flag(scene, protected=True)).ids["key"]
    headers = {**other.headers, "If-Match": '"v1-json1"'}
    made = await scene.running.client.post(f"/api/v1/flags/{key}/proposals", json={"owner": "web team"}, headers=headers)
    assert made.status_code == 201, made.text
    return Arranged(ids={"id": made.json()["id"]})


async def a_file(scene: Scene) -> Arranged:
    """A ready one: it was begun, scanned and published."""
    made = await scene.running.client.post("/api/v1/files?name=a.txt", content=b"Four legs", headers=scene.owner.headers)
    assert (made.status_code, made.json()["state"]) == (201, "ready"), made.text
    return Arranged(ids={"id": made.json()["id"]}, version=3)


async def a_thumbnail(scene: Scene) -> Arranged:
    headers = {**scene.owner.headers, "Content-Type": "image/png"}
    made = await scene.running.client.post("/api/v1/files?name=a.png", content=picture("PNG"), headers=headers)
    assert made.status_code == 201, made.text
    act_for(scene.owner.tenant_id, scene.owner.id, permissions=frozenset({"files:read"}))
    await scene.running.services.bus.execute(MakeThumbnails(id=UUID(made.json()["id"])))
    return Arranged(ids={"id": made.json()["id"], "side": "64"})


async def a_ticket(scene: Scene) -> Arranged:
    """The content has arrived."""
    body = {"name": "a.txt", "content_type": "text/plain", "size": 9, "sha256": sha256(b"Four legs").hexdigest()}
    made = await scene.running.client.post("/api/v1/files/tickets", json=body, headers=scene.sender.headers)
    assert made.status_code == 201, made.text

    async def content() -> AsyncIterator[bytes]:
        yield b"Four legs"

    id = UUID(made.json()["id"])
    await scene.running.services.ports.storage.put(incoming_key(scene.sender.tenant_id, id), content(), content_type="text/plain")
    return Arranged(ids={"id": id})


async def an_item_and_a_file(scene: Scene) -> Arranged:
    file = (await a_file(scene)).ids["id"]
    return Arranged(ids={"kind": "items", "entity_id": (await an_item(scene)).ids["id"], "slot": "picture"}, body={"file_id": file})


async def an_attachment(scene: Scene) -> Arranged:
    arranged = await an_item_and_a_file(scene)
    path = "/api/v1/files/attachments/{kind}/{entity_id}/{slot}".format_map(arranged.ids)
    made = await scene.running.client.put(path, json=arranged.body, headers=scene.owner.headers)
    assert made.status_code == 200, made.text
    return replace(arranged, body={})


ARRANGED: Final[Mapping[str, Callable[[Scene], Awaitable[Arranged]]]] = {
    "register": for_register,
    "confirm_registration": for_confirm_registration,
    "reset_password": for_reset_password,
    "login": for_login,
    "token": for_token,
    "refresh": for_refresh,
    "change_password": for_change_password,
    "create_tenant": for_create_tenant,
    "get_tenant": own_tenant,
    "rename_tenant": own_tenant,
    "change_plan": own_tenant,
    "change_public_pages": own_tenant,
    "leave_tenant": own_tenant,
    "switch_tenant": own_tenant,
    "list_members": own_tenant,
    "add_member": own_tenant_and_a_user,
    "import_members": own_tenant_and_a_file_of_members,
    "change_member_role": a_member,
    "remove_member": a_member,
    "invite_member": own_tenant,
    "list_invitations": own_tenant,
    "revoke_invitation": an_invitation,
    "accept_invitation": an_invitation_token,
    "register_by_invitation": an_invitation_token,
    "end_session": a_session,
    "get_user": a_user,
    "deactivate_user": a_user,
    "reactivate_user": a_deactivated_user,
    "import_items": a_file_of_items,
    "get_item": an_item,
    "update_item": an_item,
    "delete_item": an_item,
    "publish_item": an_item,
    "archive_item": an_item,
    "restore_item": a_deleted_item,
    "get_job": a_job,
    "cancel_job": a_job,
    "get_file": a_file,
    "rename_file": a_file,
    "delete_file": a_file,
    "download_file": a_file,
    "download_thumbnail": a_thumbnail,
    "complete_upload": a_ticket,
    "get_attachment": an_attachment,
    "attach_file": an_item_and_a_file,
    "detach_file": an_attachment,
    "create_flag": for_create_flag,
    "get_flag": a_flag,
    "change_flag": a_flag,
    "switch_flag_off": a_flag,
    "switch_flag_on": a_flag,
    "propose_flag_change": a_protected_flag,
    "get_flag_proposal": a_proposal,
    "approve_flag_proposal": a_proposal,
    "reject_flag_proposal": a_proposal,
}


async def example(running: Running, route: Route) -> Example:
    """Arrange what the route needs, in a tenant of its own, and make a valid request by the least who may send it."""
    owner = await running.person()
    least = LEAST.get(route.arranged_as, "viewer")
    sender = await running.person(platform_admin=True) if least == "platform" else await running.member(owner, least)
    arranged = await ARRANGED.get(route.arranged_as, nothing)(Scene(running, owner, sender))
    below = _BELOW.get(least)
    weaker = owner if below == "owner" else None if below is None else await running.member(owner, below)
    declared = _declared(route)
    etag = f'"v{arranged.version}-json1"'
    headers = {} if route.public else dict((arranged.sender or sender).headers)
    if route.media_type is not None:
        headers["Content-Type"] = route.media_type
    if route.conditional:
        headers["If-Match"] = etag
    return Example(
        route=route,
        ids=arranged.ids,
        query=declared.get("query", ""),
        headers=headers,
        content=_content(route, declared["body"], arranged.body) if route.media_type is not None else b"",
        etag=etag,
        weaker=weaker,
    )


def _declared(route: Route) -> Mapping[str, Any]:
    if route.read is not None:
        return {"body": route.operation["requestBody"]["content"]["application/json"]["example"]}
    return {} if route.options is None else route.options.example


def _content(route: Route, declared: Mapping[str, Any] | str, arranged: Mapping[str, Any]) -> bytes:
    if isinstance(declared, str):
        return declared.encode()
    body = {**declared, **arranged}
    return (json.dumps(body) if "json" in (route.media_type or "") else urlencode(body)).encode()
