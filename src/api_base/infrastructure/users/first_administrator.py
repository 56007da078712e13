"""Reads whether the platform has an administrator, and whether the one of the first run has ever logged in.

It reads as the role `app`, before the application is wired. Sessions and devices belong to the context `auth`, which may be left out.
"""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.schema import Ownership


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAdministrator:
    """`exists`: whether the platform has an administrator. `unused`: the only one, if it has the given address and has never logged in."""

    exists: bool
    unused: UUID | None


async def first_administrator(connection: Connection, email: str) -> FirstAdministrator:
    """Return what is known about the administrator with the address `email`. An application without users or logins needs none."""
    try:
        users = await connection.fetch(
            "select id, email from users join platform_administrators on user_id = id order by created_at, id limit 2"
        )
        if [user["email"] for user in users] != [email]:
            return FirstAdministrator(exists=bool(users), unused=None)
        id: UUID = users[0]["id"]
        await connection.execute("select set_config($1, $2, false)", Ownership.USER.value, str(id))
        used = await connection.fetchval(
            "select exists (select from sessions where user_id = $1) or exists (select from devices where user_id = $1)", id
        )
    except asyncpg.UndefinedTableError:
        return FirstAdministrator(exists=True, unused=None)
    return FirstAdministrator(exists=True, unused=None if used else id)
