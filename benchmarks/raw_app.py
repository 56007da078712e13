"""The baseline of G4: raw ASGI and asyncpg, without policies and stack, with the same response."""

import json
import os
from uuid import UUID

import asyncpg
import msgspec

from api_base.domain.common.value_objects import Money
from api_base.infrastructure.items.tables import ITEMS

SQL = f"select {', '.join(ITEMS.columns.keys())} from items where tenant_id = $1 and id = $2"
encode = msgspec.json.Encoder(enc_hook=str).encode
pool: asyncpg.Pool
TENANTS: dict[bytes, UUID] = {}


async def no_reset(connection: asyncpg.Connection) -> None:
    """Skip the pool's RESET, which costs a round trip."""


async def app(scope, receive, send):  # type: ignore[no-untyped-def]
    global pool
    if scope["type"] == "lifespan":
        await receive()
        pool = await asyncpg.create_pool(os.environ["RAW_URL"], min_size=10, max_size=10, reset=no_reset)
        with open(os.environ["RAW_TENANTS"]) as file:  # noqa: ASYNC230
            TENANTS.update({token.encode(): UUID(tenant) for token, tenant in json.load(file).items()})
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await pool.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    tenant = next(TENANTS[value] for name, value in scope["headers"] if name == b"authorization")
    row = dict(await pool.fetchrow(SQL, tenant, UUID(scope["path"][14:])))
    prices = [{"amount": Money(minor=row["price_minor"], currency=row["price_currency"]).amount, "currency": row["price_currency"]}]
    shown = (
        "id",
        "sku",
        "name",
        "description",
        "prices",
        "category",
        "tags",
        "attributes",
        "status",
        "version",
        "created_at",
        "updated_at",
    )
    row |= {"prices": prices, "attributes": msgspec.Raw(row["attributes"].encode())}
    body = encode({name: row[name] for name in (*shown, "deleted_at")})
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
        }
    )
    await send({"type": "http.response.body", "body": body})
