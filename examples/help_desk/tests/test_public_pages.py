"""Anybody reads exactly the published articles of a tenant, and visitors their own too, whatever they ask for."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import httpx2

from api_base.testing import Acting, Actor
from writing import opened, written

DESK = "/desk/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    slug: str
    title: str
    by: Actor
    published: bool
    deleted: bool


CONDITIONS: dict[str, Callable[[Written], bool]] = {
    "": lambda one: True,
    "published=true": lambda one: one.published,
    "published=false": lambda one: not one.published,
    "published[ne]=true": lambda one: not one.published,
    "tags[contains]=billing": lambda one: True,
    "title[starts_with]=P": lambda one: one.title.startswith("P"),
    "title[ge]=Q": lambda one: one.title >= "Q",
    "deleted_at[is_null]=true": lambda one: True,
    "deleted_at[is_null]=false": lambda one: False,
}
"""What a list may be asked for, and which of the rows that the caller may see it shows."""
SHAPES = [
    "&".join(filter(None, parts))
    for parts in product(
        ("", "sort=title", "sort=-created_at"), ("", "fields=slug,published"), ("", "limit=1")
    )
]


async def found(client: httpx2.AsyncClient, slug: str, query: str) -> list[str]:
    """Read all pages of a list."""
    shown: list[str] = []
    total = 1
    while len(shown) < total:
        answer = await client.get(f"{DESK}/tenants/{slug}/articles?offset={len(shown)}&{query}")
        assert answer.status_code == 200, answer.text
        total = answer.json()["total"]
        page = [one["slug"] for one in answer.json()["items"]]
        assert page or not total, (query, shown, total)
        shown += page
    return sorted(shown)


async def articles_of(owner: Actor, *writers: Actor) -> list[Written]:
    """Each writer's articles: public, private and deleted ones."""
    made = []
    for number, by in enumerate(writers):
        for kind, published in product(("kept", "deleted"), (True, False)):
            slug = f"{'public' if published else 'private'}-{kind}-{number}"
            title = (await written(by, slug, published=published))["title"]
            deleted = kind == "deleted"
            if deleted:
                path = f"{DESK}/articles/{slug}"
                gone = await owner.client.delete(path, headers={"If-Match": "*"})
                assert gone.status_code == 204
            made.append(
                Written(slug=slug, title=title, by=by, published=published, deleted=deleted)
            )
    return made


async def test_each_caller_reads_exactly_the_public_rows(
    acting: Acting, client: httpx2.AsyncClient
) -> None:
    owner, stranger = await acting(), await acting()
    member = await acting(role="member", tenant=owner.tenant_id)
    made = await articles_of(owner, owner, member)
    await written(stranger, "public-stranger", published=True)
    slug = await opened(owner)
    for caller in (None, owner, member, stranger):
        visible = [one for one in made if not one.deleted and (one.published or one.by is caller)]
        sent = caller.client if caller else client
        for (condition, holds), shape in product(CONDITIONS.items(), SHAPES):
            query = "&".join(filter(None, (condition, shape)))
            expected = sorted(one.slug for one in visible if holds(one))
            assert await found(sent, slug, query) == expected, query
        for one in made:
            answer = await sent.get(f"{DESK}/tenants/{slug}/articles/{one.slug}")
            assert answer.status_code == (200 if one in visible else 404), one.slug
        foreign = await sent.get(f"{DESK}/tenants/{slug}/articles/public-stranger")
        assert foreign.status_code == 404


async def test_a_tenant_without_public_pages_is_no_tenant(
    acting: Acting, client: httpx2.AsyncClient
) -> None:
    owner = await acting()
    await written(owner, "first-steps", published=True)
    slug = (await owner.client.get(f"/api/v1/tenants/{owner.tenant_id}")).json()["slug"]
    answers = [
        await client.get(f"{DESK}/tenants/{one}/articles") for one in (slug, "no-such-tenant")
    ]
    assert [one.status_code for one in answers] == [404, 404]
    assert [set(one.json()) for one in answers] == [{"error"}, {"error"}]
