"""Leadership by a lease in Redis, fenced by PostgreSQL.

A lease alone is not enough: its holder may pause past its end, and a failover of Redis may lose it, so two processes believe that they lead.
Therefore each new leader stores the id of its first transaction in `leaders`, which PostgreSQL never gives out again, not even after a rollback,
and each transaction of a leader compares the stored number with its own,
under the lock of `DatabaseLeadership`. A former leader is refused by the comparison, and no other begins while its transaction runs.
"""

from secrets import token_hex
from typing import Final

from api_base.core.errors import Unavailable
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.locks.leadership import DatabaseLeadership
from api_base.infrastructure.redis.client import RedisClient

HOLD: Final = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return 'new'
elseif redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 'held'
end
return 'other'
"""
RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
"""

_BEGIN: Final = """
insert into leaders (name, number) values ($1, pg_current_xact_id()::text::bigint)
on conflict (name) do update set number = excluded.number returning number
"""
_NUMBER: Final = "select number from leaders where name = $1"


class RedisLeadership(DatabaseLeadership):
    """Each `leads` extends the lease for `seconds`. All keys begin with `service`. Without Redis, nobody leads."""

    def __init__(self, client: RedisClient, service: str, seconds: float) -> None:
        self._client, self._service, self._milliseconds = client, service, int(seconds * 1000)
        self._id = token_hex(16)
        self._hold, self._release = client.script(HOLD), client.script(RELEASE)
        self._numbers: dict[str, int] = {}

    async def leads(self, connection: Connection, name: str) -> bool:
        if not await super().leads(connection, name):
            return False
        try:
            held = await self._client.call(lambda _: self._hold([self._key(name)], [self._id, self._milliseconds]))
        except Unavailable:
            return False
        if held == b"other":
            return False
        if held == b"new":
            self._numbers[name] = await connection.fetchval(_BEGIN, name)
        elif (number := self._numbers.get(name)) is None or number != await connection.fetchval(_NUMBER, name):
            await self._give_up(name)
            return False
        return True

    async def close(self) -> None:
        """Release the leases; they end by themselves if Redis cannot be reached."""
        for name in list(self._numbers):
            await self._give_up(name)
        await self._client.close()

    async def _give_up(self, name: str) -> None:
        """The next `leads` tries again."""
        self._numbers.pop(name, None)
        try:
            await self._client.call(lambda _: self._release([self._key(name)], [self._id]))
        except Unavailable:
            return

    def _key(self, name: str) -> str:
        return f"{self._service}:leader:{{{name}}}"
