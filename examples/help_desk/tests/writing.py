"""Writes articles."""

from typing import Any

from api_base.testing import Actor


async def written(by: Actor, slug: str, **values: Any) -> dict[str, Any]:
    body = {"slug": slug, "title": slug.capitalize(), "body": "Text", "tags": "billing refunds"}
    answer = await by.client.post("/desk/v1/articles", json={**body, **values})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made
