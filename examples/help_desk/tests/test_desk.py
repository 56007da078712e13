"""Votes and followers, tickets, teams, drafts, pages by offset, and the shape of errors."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from api_base.testing import Acting
from help_desk.tickets.gateway import signed
from writing import opened, written

V1 = "/desk/v1"
TICKET = {"title": "No invoice", "body": "It did not come."}


@pytest.mark.parametrize("reaction", ["vote", "follow"])
async def test_a_member_votes_and_follows_once(acting: Acting, reaction: str) -> None:
    ana = await acting()
    viewer, stranger = await acting(role="viewer", tenant=ana.tenant_id), await acting()
    await written(ana, "first-steps", published=True)
    path = f"{V1}/articles/first-steps/{reaction}"
    for method, reacted in (("PUT", True), ("PUT", True), ("DELETE", False), ("DELETE", False)):
        assert (await viewer.client.request(method, path)).status_code == 204
        assert (await viewer.client.get(path)).json() is reacted
        assert (await ana.client.get(path)).json() is False
    assert (await stranger.client.put(path)).status_code == 404


async def test_articles_are_imported_by_their_slugs(
    acting: Acting, run_worker: Callable[[], Awaitable[None]]
) -> None:
    ana = await acting()
    await written(ana, "first-steps", published=True)

    async def imported(file: str) -> dict[str, Any]:
        sent = {"Content-Type": "text/csv"}
        stored = await ana.client.post("/api/v1/files?name=a.csv", content=file, headers=sent)
        asked = {"file_id": stored.json()["id"]}
        started = await ana.client.post(f"{V1}/articles/imports", json=asked)
        assert started.status_code == 202, started.text
        await run_worker()
        job = (await ana.client.get(started.headers["Location"])).json()
        counted: dict[str, Any] = job["result"]
        return counted

    file = "slug,title,body,published\nfirst-steps,First,Text,yes\nrefunds,Refunds,Text,\nBad Slug,B,T,\n"
    first = await imported(file)
    assert [first[one] for one in ("created", "updated", "unchanged", "refused")] == [1, 1, 0, 1]
    again = await imported(file)
    assert [again[one] for one in ("created", "updated", "unchanged", "refused")] == [0, 0, 2, 1]
    shown = (await ana.client.get(f"{V1}/articles?sort=title")).json()["items"]
    assert [(one["title"], one["published"], one["tags"]) for one in shown] == [
        ("First", True, "billing refunds"),
        ("Refunds", False, ""),
    ]
    await ana.client.delete(f"{V1}/articles/refunds", headers={"If-Match": "*"})
    last = await imported(file)
    assert [last[one] for one in ("created", "updated", "unchanged", "refused")] == [0, 0, 1, 2]


async def test_tickets_of_visitors_are_numbered_and_answered(acting: Acting) -> None:
    ana, visitor, other = [await acting() for _ in range(3)]
    agent = await acting(role="member", tenant=ana.tenant_id)
    opening = f"{V1}/tenants/{await opened(ana)}/tickets"
    made = [await one.client.post(opening, json=TICKET) for one in (visitor, other)]
    assert [(one.status_code, one.json()["number"]) for one in made] == [(201, 1), (201, 2)]
    (mine,) = (await visitor.client.get(opening)).json()["items"]
    assert mine["number"] == 1
    path = f"{V1}/tickets/{mine['id']}"
    assert (await visitor.client.get(path)).status_code == 404
    answer = {"state": "answered"}
    stale = await agent.client.patch(path, json=answer, headers={"If-Match": '"9"'})
    assert (stale.status_code, set(stale.json())) == (412, {"error"})
    read = await agent.client.get(path)
    done = await agent.client.patch(path, json=answer, headers={"If-Match": read.headers["etag"]})
    assert (done.status_code, done.json()["state"], done.json()["number"]) == (200, "answered", 1)
    assert (
        await agent.client.patch(path, json={"number": 7}, headers={"If-Match": "*"})
    ).status_code == 422
    (shown,) = (await visitor.client.get(opening)).json()["items"]
    assert shown["state"] == "answered"


async def test_tickets_are_for_visitors_who_are_signed_in(
    acting: Acting, client: httpx2.AsyncClient
) -> None:
    ana, visitor = await acting(), await acting()
    slug = await opened(ana)
    opening = f"{V1}/tenants/{slug}/tickets"
    assert (await client.post(opening, json=TICKET)).status_code == 401
    assert (await client.get(opening)).json()["items"] == []
    unknown = await visitor.client.post(f"{V1}/tenants/nobody/tickets", json=TICKET)
    assert (unknown.status_code, set(unknown.json())) == (404, {"error"})
    empty = await visitor.client.post(opening, json={"title": "", "body": "It"})
    assert (empty.status_code, set(empty.json())) == (422, {"error"})
    assert (await ana.client.get(f"{V1}/tickets")).json()["total"] == 0


async def test_pages_by_offset_have_a_total(acting: Acting) -> None:
    ana = await acting()
    for _ in range(3):
        await ana.client.post(f"{V1}/tickets", json=TICKET)
    page = (await ana.client.get(f"{V1}/tickets?offset=2&limit=2&sort=number")).json()
    assert ([one["number"] for one in page["items"]], page["total"]) == ([3], 3)


async def test_the_gateway_opens_tickets_with_its_key(
    acting: Acting, client: httpx2.AsyncClient, secret: str
) -> None:
    ana, stranger = await acting(), await acting()
    user = ana.principal.user_id
    key = signed(secret, user, ana.tenant_id)
    made = await client.post(f"{V1}/tickets", json=TICKET, headers={"X-Desk-Key": key})
    assert made.status_code == 201, made.text
    wrong = [
        "",
        "a.b.c",
        key[:-1],
        signed("another", user, ana.tenant_id),
        signed(secret, uuid4(), ana.tenant_id),
        signed(secret, stranger.principal.user_id, ana.tenant_id),
    ]
    for one in wrong:
        refused = await client.post(f"{V1}/tickets", json=TICKET, headers={"X-Desk-Key": one})
        assert refused.status_code == 401, one
        assert set(refused.json()) == {"error"}


async def test_administrators_put_agents_into_teams(acting: Acting) -> None:
    ana = await acting()
    agent = await acting(role="member", tenant=ana.tenant_id)
    team = (await ana.client.post(f"{V1}/teams", json={"title": "First line"})).json()
    path = f"{V1}/teams/{team['id']}/agents/{agent.principal.user_id}"
    for method in ("PUT", "PUT", "DELETE", "DELETE"):
        assert (await ana.client.request(method, path)).status_code == 204
        assert (await agent.client.request(method, path)).status_code == 403
    stranger, viewer = await acting(), await acting(role="viewer", tenant=ana.tenant_id)
    no_agents = (stranger.principal.user_id, viewer.principal.user_id, uuid4())
    wrong = [
        f"{V1}/teams/{uuid4()}/agents/{agent.principal.user_id}",
        *(f"{V1}/teams/{team['id']}/agents/{user}" for user in no_agents),
    ]
    for one in wrong:
        assert (await ana.client.put(one)).status_code == 404, one
        assert (await ana.client.delete(one)).status_code == 204, one


async def test_a_draft_is_its_writers_alone(acting: Acting) -> None:
    ana = await acting()
    colleague = await acting(role="owner", tenant=ana.tenant_id)
    draft = (await ana.client.post(f"{V1}/drafts", json={"title": "Refunds"})).json()
    path = f"{V1}/drafts/{draft['id']}"
    assert (await ana.client.get(path)).status_code == 200
    assert (await colleague.client.get(path)).status_code == 404
    assert (await colleague.client.get(f"{V1}/drafts")).json()["items"] == []


async def test_every_error_has_the_shape_of_the_desk(acting: Acting) -> None:
    ana = await acting()
    answers = [
        await ana.client.get(f"{V1}/nothing"),
        await ana.client.put(f"{V1}/tickets"),
        await ana.client.post(f"{V1}/tickets", json={}),
        await ana.client.get(f"{V1}/articles?offset=10001"),
    ]
    assert [one.status_code for one in answers] == [404, 405, 422, 422]
    for one in answers:
        assert one.json()["error"].keys() == {"code", "message"}
