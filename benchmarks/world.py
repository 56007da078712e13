"""A database with many tenants on its own embedded server, and the settings to serve it."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
from pydantic import SecretStr

from api_base.bootstrap import migrations
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.config import Settings
from api_base.core.types import SessionId, TenantId, UserId
from api_base.infrastructure.auth.jwt import Ed25519TokenIssuer
from api_base.infrastructure.auth.keys import load
from api_base.infrastructure.db.embedded import EmbeddedServer, Urls
from api_base.infrastructure.items.tables import ITEMS
from api_base.infrastructure.system import SystemClock


@dataclass(frozen=True, slots=True)
class World:
    urls: Urls
    admin: str
    home: Path
    settings: Settings


@dataclass(frozen=True, slots=True)
class Member:
    """A user in a tenant, with a token and some items."""

    user: UUID
    tenant: UUID
    session: UUID
    token: str
    items: tuple[UUID, ...]


@contextmanager
def world() -> Iterator[World]:
    """A migrated database, which is removed at the end of the block."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        server = EmbeddedServer(home / "postgres")
        urls = server.start()
        try:
            settings = settings_for(urls, home)
            migrations.up(settings, urls, BUILT_IN)
            yield World(urls, server.administrator_url(), home, settings)
        finally:
            server.stop()


def settings_for(urls: Urls, home: Path) -> Settings:
    defaults = Settings(_env_file=None)
    database = {"url": urls.app, "owner_url": urls.owner, "worker_url": urls.worker, "direct_url": urls.direct}
    return defaults.model_copy(
        update={
            "database": defaults.database.model_copy(update={name: SecretStr(url) for name, url in database.items()}),
            "security": defaults.security.model_copy(update={"key_dir": home / "keys"}),
            "observability": defaults.observability.model_copy(update={"log_format": "json"}),
            "rate_limit": defaults.rate_limit.model_copy(update={"requests": 100_000_000, "burst": 100_000_000}),
        }
    )


def members(world: World, count: int, items_each: int) -> list[Member]:
    """Create `count` users, each with its own tenant and items."""
    return asyncio.run(_members(world, count, items_each))


async def _members(world: World, count: int, items_each: int) -> list[Member]:
    security = world.settings.security
    issuer = Ed25519TokenIssuer(load([], security.key_dir), SystemClock(), issuer=security.issuer, audience=security.audience, seconds=3600)
    made = []
    for _ in range(count):
        user, tenant, session = uuid4(), uuid4(), uuid4()
        token = issuer.issue(UserId(user), SessionId(session), TenantId(tenant)).value
        made.append(Member(user, tenant, session, token, tuple(uuid4() for _ in range(items_each))))
    await _copy(world.admin, made)
    return made


async def _copy(admin: str, made: list[Member]) -> None:
    now, later = datetime.now(UTC), datetime.now(UTC) + timedelta(days=1)
    connection = await asyncpg.connect(admin)
    await connection.copy_records_to_table(
        "users",
        records=[(m.user, f"{m.user}@example.com", "n", "active", "en", 1, now, now) for m in made],
        columns=[
            "id", "email", "name", "status", "language", "version", "created_at", "updated_at",
        ],
    )  # fmt: skip
    await connection.copy_records_to_table(
        "tenants",
        records=[(m.tenant, "n", str(m.tenant), False, 1, now, now) for m in made],
        columns=[
            "id",
            "name",
            "slug",
            "personal",
            "version",
            "created_at",
            "updated_at",
        ],  # the others have defaults, in older releases too
    )
    await connection.copy_records_to_table("memberships", records=[(m.tenant, uuid4(), m.user, "owner", 1, now, now) for m in made])
    await connection.copy_records_to_table(
        "sessions",
        records=[(m.user, m.session, m.tenant, b"k", 1, b"d", None, None, None, 1, now, later, None, "", "", "", "") for m in made],
    )
    items = [item_row(m.tenant, id, n, now) for m in made for n, id in enumerate(m.items)]
    await connection.copy_records_to_table(
        "items", records=items, columns=[*ITEMS.columns.keys()][: len(items[0])]
    )  # the others may be null
    await connection.execute("vacuum analyze")
    await connection.close()


def item_row(tenant: UUID, id: UUID, n: int, now: datetime) -> tuple[object, ...]:
    attributes = json.dumps({"colour": "red", "number": n})
    return (
        tenant, id, f"SKU-{n:07}", f"Chair {n % 1000:04}", "Four legs", 1000 + n % 5000, "EUR", f"category {n % 20:02}", ["wood", f"tag {n % 50}"],
        attributes, ("draft", "published", "archived")[n % 3], 1, now - timedelta(seconds=n), now - timedelta(seconds=n // 2), None,
    )  # fmt: skip


def environment(made: World) -> dict[str, str]:
    """The environment variables with which a server process uses this database."""
    urls = made.urls
    return {
        "DATABASE__URL": urls.app,
        "DATABASE__OWNER_URL": urls.owner,
        "DATABASE__WORKER_URL": urls.worker,
        "DATABASE__DIRECT_URL": urls.direct,
        "SECURITY__KEY_DIR": str(made.home / "keys"),
        "RATE_LIMIT__REQUESTS": "100000000",
        "RATE_LIMIT__BURST": "100000000",
        "OBSERVABILITY__LOG_FORMAT": "json",
    }
