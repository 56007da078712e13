"""What the client for Python does against a server: log in, create, conflict, change, list, page, and refuse, without and with asyncio."""

import asyncio
import json
import sys

from shop_client import AsyncClient, Client, ConflictProblem, NotModified, StaleVersionProblem, ValidationProblem

url, email, password, sku = sys.argv[1:]


def steps(token: str) -> dict[str, object]:
    """The steps without asyncio."""
    with Client(url, token=token, language="pt") as api:
        created = api.items.create_item({"sku": sku, "name": "Chair", "category": "furniture"}, idempotency_key=f"key-{sku}")
        again = api.items.create_item({"sku": sku, "name": "Chair", "category": "furniture"}, idempotency_key=f"key-{sku}")
        try:
            api.items.create_item({"sku": sku, "name": "Chair", "category": "furniture"})
            conflict = ""
        except ConflictProblem as problem:
            conflict = problem.kind
        id = created.body["id"]
        changed = api.items.update_item(id, {"name": "Stool", "description": None}, if_match=created.etag)
        try:
            api.items.update_item(id, {"name": "Bench"}, if_match=created.etag)
            stale = 0
        except StaleVersionProblem as problem:
            stale = problem.status
        try:
            api.items.create_item({"sku": "", "name": "Chair", "category": "furniture"})
            pointers: list[str] = []
        except ValidationProblem as problem:
            pointers = [one.pointer for one in problem.errors]
        try:
            api.items.get_item(id, if_none_match=changed.etag)
            known = False
        except NotModified:
            known = True
        for number in range(5):
            api.items.create_item({"sku": f"{sku}-{number}", "name": f"Chair {number}", "category": sku})
        paged = [one["sku"] for one in api.items.iter_items(category={"eq": sku}, sort="sku", limit=2)]
        sparse = api.items.list_items(category=sku, limit=1, fields="id,name").body["items"]
        api.items.delete_item(id, if_match=changed.etag)
        return {
            "created": created.body["sku"],
            "replayed": [again.replayed, again.body["id"] == id],
            "conflict": conflict,
            "changed": changed.body["name"],
            "stale": stale,
            "pointers": pointers,
            "known": known,
            "paged": paged,
            "sparse": sorted(sparse[0]),
        }


async def asynchronously(token: str) -> dict[str, object]:
    """The same by asyncio, as far as it has code of its own."""
    async with AsyncClient(url, token=token) as api:
        created = await api.items.create_item({"sku": f"{sku}-async", "name": "Table", "category": "furniture"})
        try:
            await api.items.create_item({"sku": f"{sku}-async", "name": "Table", "category": "furniture"})
            conflict = ""
        except ConflictProblem as problem:
            conflict = problem.kind
        found = await asyncio.gather(*(api.items.get_item(created.body["id"]) for _ in range(5)))
        paged = [one["sku"] async for one in api.items.iter_items(category={"eq": sku}, sort="-sku", limit=2)]
        return {"conflict": conflict, "found": [one.body["name"] for one in found], "paged": paged}


with Client(url) as anonymous:
    tokens = anonymous.auth.login({"email": email, "password": password}).body
print(json.dumps(steps(tokens["access_token"]) | {"asyncio": asyncio.run(asynchronously(tokens["access_token"]))}))
