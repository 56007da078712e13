"""The journal in PostgreSQL, read by the serving processes as the role `app`, under the policy of the channel's owner."""

from typing import Final

from api_base.application.common.realtime import ChannelEvent, ChannelJournal, ChannelKey, JournaledEvent, JournalPage, Position
from api_base.infrastructure.db.session import Database, Row


def _open(owner: str, prefix: str) -> str:
    setting = f"app.{owner}"
    return f"""
        with t as materialized (select set_config('{setting}', $1, true)::uuid as id), made as (
            insert into {prefix}channels ({owner}, name, epoch, last_offset, used_at)
            select t.id, $2::text, substr(md5(gen_random_uuid()::text), 1, 16), 0, now() from t on conflict do nothing returning epoch, last_offset)
        select epoch || journal_incarnation() as epoch, last_offset from made
        union all
        select i.epoch || journal_incarnation(), i.last_offset from t
            cross join lateral (select epoch, last_offset from {prefix}channels where {owner} = t.id and name = $2 offset 0) i
    """


def _read(owner: str, prefix: str) -> str:
    return f"""
        select i.* from (select set_config('app.{owner}', $1, true)::uuid as id offset 0) t cross join lateral (
            select c.epoch || journal_incarnation() as epoch, c.last_offset, e.channel_offset, e.event_id, e.event, e.at, e.data, e.permission, e.traceparent
            from {prefix}channels c left join lateral (
                select * from {prefix}channel_events e where e.{owner} = t.id and e.name = c.name and e.epoch = c.epoch and e.channel_offset > $3
                order by e.channel_offset limit $4) e on true
            where c.{owner} = t.id and c.name = $2 offset 0) i
        order by i.channel_offset
    """


_OPEN: Final = {False: _open("tenant_id", ""), True: _open("user_id", "user_")}
_READ: Final = {False: _read("tenant_id", ""), True: _read("user_id", "user_")}


class SqlChannelJournal(ChannelJournal):
    """`database` runs as the role `app`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, key: ChannelKey) -> Position:
        while True:  # the row may be made, and not yet visible, by another process
            row = await self._database.run(lambda connection: connection.fetchrow(_OPEN[key.personal], str(key.owner), key.name))
            if row is not None:
                return Position(row["epoch"], row["last_offset"])

    async def read(self, key: ChannelKey, after: int, limit: int) -> JournalPage | None:
        arguments = (str(key.owner), key.name, after, limit)
        rows = await self._database.run(lambda connection: connection.fetch(_READ[key.personal], *arguments))
        if not rows:
            return None
        position = Position(rows[0]["epoch"], rows[0]["last_offset"])
        return JournalPage(position, [_event(key.name, row) for row in rows if row["channel_offset"] is not None])


def _event(channel: str, row: Row) -> JournaledEvent:
    position = Position(row["epoch"], row["channel_offset"])
    data, traceparent = row["data"].encode(), row["traceparent"]
    return JournaledEvent(ChannelEvent(channel, position, row["event_id"], row["event"], row["at"], data, traceparent), row["permission"])
