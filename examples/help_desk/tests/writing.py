"""Writes articles, and opens public pages."""

from typing import Any

from api_base.testing import Actor


async def written(by: Actor, slug: str, **values: Any) -> dict[str, Any]:
    body = {"slug": slug, "title": slug.capitalize(), "body": "Text", "tags": "billing refunds"}
    answer = await by.client.post("/desk/v1/articles", json={**body, **values})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def opened(owner: Actor) -> str:
    """Allow the public pages of a tenant, and return its slug."""
    path = f"/api/v1/tenants/{owner.tenant_id}"
    answer = await owner.client.post(f"{path}/public-pages", json={"public_pages": True})
    assert answer.status_code == 200, answer.text
    slug: str = answer.json()["slug"]
    return slug
