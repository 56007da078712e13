"""Anybody reads exactly the published articles of a tenant, and visitors their own too, whatever they ask for."""

from itertools import product

import httpx2

from api_base.testing import Acting, Actor
from writing import written

DESK = "/desk/v1"
QUERIES = [
    "&".join(filter(None, parts))
    for parts in product(
        ("", "published=false", "published=true", "tags[contains]=billing", "title[starts_with]=P"),
        ("", "sort=title", "sort=-created_at", "deleted_at[is_null]=false"),
        ("", "fields=slug,published"),
    )
]


async def opened(owner: Actor) -> str:
    """Allow the public pages of a tenant, and return its slug."""
    path = f"/api/v1/tenants/{owner.tenant_id}"
    answer = await owner.client.post(f"{path}/public-pages", json={"public_pages": True})
    assert answer.status_code == 200, answer.text
    slug: str = answer.json()["slug"]
    return slug


async def found(client: httpx2.AsyncClient, slug: str, query: str = "") -> set[str]:
    answer = await client.get(f"{DESK}/tenants/{slug}/articles?limit=100&{query}")
    assert answer.status_code == 200, answer.text
    shown = {one["slug"] for one in answer.json()["items"]}
    assert answer.json()["total"] == len(shown)
    return shown


async def test_each_caller_reads_exactly_the_public_rows(
    acting: Acting, client: httpx2.AsyncClient
) -> None:
    owner, stranger = await acting(), await acting()
    member = await acting(role="member", tenant=owner.tenant_id)
    for who in (owner, member):
        name = "owner" if who is owner else "member"
        await written(who, f"public-{name}", published=True)
        await written(who, f"private-{name}")
        deleted = await written(who, f"deleted-{name}", published=True)
        gone = await owner.client.delete(
            f"{DESK}/articles/{deleted['slug']}", headers={"If-Match": "*"}
        )
        assert gone.status_code == 204
    await written(stranger, "public-stranger", published=True)
    slug, public = await opened(owner), {"public-owner", "public-member"}
    callers = {
        client: public,
        owner.client: public | {"private-owner"},
        member.client: public | {"private-member"},
        stranger.client: public,
    }
    for caller, visible in callers.items():
        assert await found(caller, slug) == visible
        for query in QUERIES:
            assert await found(caller, slug, query) <= visible, query
        for name in ("owner", "member"):
            for kind in ("public", "private", "deleted"):
                answer = await caller.get(f"{DESK}/tenants/{slug}/articles/{kind}-{name}")
                assert answer.status_code == (200 if f"{kind}-{name}" in visible else 404)
        assert (
            await caller.get(f"{DESK}/tenants/{slug}/articles/public-stranger")
        ).status_code == 404


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
