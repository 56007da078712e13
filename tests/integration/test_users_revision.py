"""The revision that gives administrators and password hashes tables of their own loses nothing, in either direction."""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.core.config import Settings
from api_base.infrastructure.db.embedded import Urls

type Users = list[tuple[object, ...]]

OLD: Final = "select id, email, status, platform_admin, password_hash, password_changed_at, version, created_at from users order by email"
NEW: Final = """
select id, email, status, exists (select from platform_administrators where user_id = id), hash, password_changed_at, version, created_at
from users left join user_passwords on user_id = id order by email
"""
FILL: Final = """
insert into users (id, email, name, password_hash, status, platform_admin, language, password_changed_at, version, created_at, updated_at)
select gen_random_uuid(), 'user' || n || '@example.com', 'Ana', 'hash ' || n, case when n % 3 = 0 then 'deactivated' else 'active' end, n % 2 = 0,
    'en', case when n > 3 then now() end, n, now(), now() from generate_series(1, 6) n
"""
WITHOUT_PASSWORD: Final = UUID(int=7)


async def fetch(urls: Urls, sql: str, *arguments: object) -> Users:
    connection = await asyncpg.connect(urls.owner)
    try:
        return [tuple(row) for row in await connection.fetch(sql, *arguments)]
    finally:
        await connection.close()


def test_administrators_and_hashes_survive_up_and_down(migrated: Urls, settings: Settings, contexts: Sequence[Context]) -> None:
    assert migrations.down(settings, migrated, "users", contexts=contexts) == ["users_002"]
    asyncio.run(fetch(migrated, FILL))
    old = asyncio.run(fetch(migrated, OLD))
    assert [row[3:5] for row in old] == [(n % 2 == 0, f"hash {n}") for n in range(1, 7)]

    assert migrations.up(settings, migrated, contexts) == ["users_002"]
    assert asyncio.run(fetch(migrated, NEW)) == old
    assert migrations.at_head(migrated, contexts)

    assert migrations.down(settings, migrated, "users", contexts=contexts) == ["users_002"]
    assert asyncio.run(fetch(migrated, OLD)) == old


def test_a_user_without_password_has_an_empty_hash_after_the_way_down(
    migrated: Urls, settings: Settings, contexts: Sequence[Context]
) -> None:
    made = "insert into users values ($1, 'z@example.com', 'Zoe', 'active', 'en', null, 1, now(), now())"
    asyncio.run(fetch(migrated, made, WITHOUT_PASSWORD))
    migrations.down(settings, migrated, "users", contexts=contexts)
    assert [row[:5] for row in asyncio.run(fetch(migrated, OLD))] == [(WITHOUT_PASSWORD, "z@example.com", "active", False, "")]
