"""Presence in PostgreSQL: a row for each user and process, with a lease. A process that dies loses its members when their lease ends."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

from api_base.application.common.realtime import ChannelKey, Member, Presence
from api_base.core.errors import ApiBaseError, NotFound, TooManyRequests
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.realtime.signals import notify_members

LEASE_SECONDS: Final = 6.0

_SET: Final = "select set_config('app.tenant_id', $1, true)"
_ENTER: Final = """
insert into channel_members (tenant_id, name, process, user_id, leased_until)
select $1::uuid, $2::text, $3::uuid, $4::uuid, now() + make_interval(secs => $5::float8)
where (select count(distinct user_id) from channel_members where tenant_id = $1 and name = $2 and leased_until > now()) < $6
on conflict (tenant_id, name, process, user_id) do update set leased_until = excluded.leased_until
"""
_LEAVE: Final = "delete from channel_members where tenant_id = $1 and name = $2 and process = $3 and user_id = $4"
_RENEW: Final = """
insert into channel_members (tenant_id, name, process, user_id, leased_until)
select $1::uuid, w.name, $2::uuid, w.user_id, now() + make_interval(secs => $3::float8) from unnest($4::text[], $5::uuid[]) as w(name, user_id)
on conflict (tenant_id, name, process, user_id) do update set leased_until = excluded.leased_until
"""
_MEMBERS: Final = """
select i.user_id from (select set_config('app.tenant_id', $1, true)::uuid as id offset 0) t cross join lateral (
    select distinct user_id from channel_members where tenant_id = t.id and name = $2 and leased_until > now() order by user_id limit $3 offset 0) i
"""


class SqlPresence(Presence):
    """`process` identifies this process. A channel has at most `limit` members. `database` runs as the role `app`."""

    def __init__(self, database: Database, process: UUID, limit: int) -> None:
        self._database, self._process, self._limit = database, process, limit
        self._mine: set[tuple[UUID, str, UUID]] = set()

    async def enter(self, key: ChannelKey, member: Member) -> None:
        _of_a_tenant(key)
        arguments = (key.owner, key.name, self._process, member.user_id, LEASE_SECONDS, self._limit)
        if await self._change(key.owner, _ENTER, *arguments) == "INSERT 0 0":
            raise TooManyRequests(f"The channel {key.name} has {self._limit} members. Subscribe without presence.", retry_after=5.0)
        self._mine.add((key.owner, key.name, member.user_id))
        try:
            await self._notify(key)
        except BaseException:  # the caller does not count the member: its lease may end
            self._mine.discard((key.owner, key.name, member.user_id))
            raise

    async def leave(self, key: ChannelKey, member: Member) -> None:
        self._mine.discard((key.owner, key.name, member.user_id))
        await self._change(key.owner, _LEAVE, key.owner, key.name, self._process, member.user_id)
        await self._notify(key)

    async def members(self, key: ChannelKey) -> Sequence[Member]:
        _of_a_tenant(key)
        arguments = (str(key.owner), key.name, self._limit)
        rows = await self._database.run(lambda connection: connection.fetch(_MEMBERS, *arguments))
        return [Member(row["user_id"]) for row in rows]

    async def renew(self) -> None:
        for owner in {owner for owner, _, _ in self._mine}:
            mine = [(name, user) for tenant, name, user in self._mine if tenant == owner]
            names, users = [name for name, _ in mine], [user for _, user in mine]
            await self._change(owner, _RENEW, owner, self._process, LEASE_SECONDS, names, users)

    async def _notify(self, key: ChannelKey) -> None:
        """Notify the other processes. They read the members every few seconds anyway."""
        with suppress(ApiBaseError):
            await notify_members(self._database.pool, key)

    async def _change(self, owner: UUID, statement: str, *arguments: object) -> str:
        async def change(connection: Connection) -> str:
            async with connection.transaction():
                await connection.execute(_SET, str(owner))
                status: str = await connection.execute(statement, *arguments)
                return status

        return await self._database.run(change)


def _of_a_tenant(key: ChannelKey) -> None:
    if key.personal:
        raise NotFound("presence of the channel", key.name)
