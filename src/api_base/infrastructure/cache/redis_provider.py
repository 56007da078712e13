"""The cache in Redis or Valkey, shared by all processes.

An entry is a hash: the value, and for each tag its version at the time of the lookup. A tag is a key that holds its version, a random text; an
invalidation deletes that key. So an entry is valid only while each of its tags has the version that it was loaded under, which the scripts
compare in the same step that reads or stores. A tag that was evicted makes its entries invalid, never valid.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final
from uuid import UUID

from api_base.core.errors import Unavailable
from api_base.core.protocols import CacheProvider, Caches, CacheStats, Lookup, TagVersions
from api_base.infrastructure.cache import namespace as ns
from api_base.infrastructure.cache.namespace import Counts, Namespace
from api_base.infrastructure.redis.client import RedisClient

MAX_UNDELIVERED: Final = 10_000
"""Tags whose invalidation a process remembers while Redis cannot be reached."""

_READ: Final = """
local function read(key, prefix)
  local fields, value = redis.call('HGETALL', key), false
  for i = 1, #fields, 2 do
    if fields[i] == 'v' then
      value = fields[i + 1]
    elseif redis.call('GET', prefix .. fields[i]) ~= fields[i + 1] then
      redis.call('UNLINK', key)
      return false
    end
  end
  return value
end
"""
"""`prefix` and the name of a field, `:t:` and the tag, are the key of the tag."""

GET: Final = f"""{_READ}
local found = {{}}
for i, key in ipairs(KEYS) do
  found[i] = read(key, ARGV[1])
end
return found
"""

LOOKUP: Final = f"""{_READ}
local answer = {{read(KEYS[1], ARGV[1]), redis.call('PTTL', KEYS[1])}}
for i = 2, #KEYS do
  redis.call('SET', KEYS[i], ARGV[3], 'NX', 'PX', ARGV[2])
  answer[i + 1] = redis.call('GET', KEYS[i])
end
return answer
"""

STORE: Final = """
for i = 2, #KEYS do
  if redis.call('GET', KEYS[i]) ~= ARGV[2 * i + 1] then
    return 0
  end
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'v', ARGV[1], unpack(ARGV, 4))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
for i = 2, #KEYS do
  redis.call('PEXPIRE', KEYS[i], ARGV[3])
end
return 1
"""

COUNT: Final = f"""{_READ}
local valid = 0
for _, key in ipairs(KEYS) do
  if read(key, ARGV[1]) then
    valid = valid + 1
    if ARGV[2] == 'remove' then
      redis.call('UNLINK', key)
    end
  end
end
return valid
"""

SET: Final = """
for i, key in ipairs(KEYS) do
  redis.call('DEL', key)
  redis.call('HSET', key, 'v', ARGV[i + 1])
  redis.call('PEXPIRE', key, ARGV[1])
end
"""


class RedisCaches(Caches):
    """Implements `Caches`. All keys begin with `service`, so that services can share a server."""

    def __init__(self, client: RedisClient, service: str) -> None:
        self.client, self.service = client, service
        self.counts = Counts()
        self.get, self.lookup, self.store, self.count, self.set = map(client.script, (GET, LOOKUP, STORE, COUNT, SET))
        self.epoch = 0
        """Counts the invalidations of this process."""
        self._undelivered: dict[str, int] = {}

    def providers[T](self, name: str, kind: type[T]) -> Callable[[UUID], CacheProvider[T]]:
        of = ns.namespaces(name, kind)
        return lambda owner: RedisCacheProvider(self, of(owner))

    def key(self, key: str) -> str:
        """Return the name of a key on the server."""
        return f"{self.service}:{key}"

    async def attempt(self, use: Callable[[Any], Any], otherwise: Any) -> Any:
        """Return what `use` returns, or `otherwise` if Redis cannot be used."""
        try:
            return await self.call(use)
        except Unavailable:
            return otherwise

    async def call(self, use: Callable[[Any], Any]) -> Any:
        """Return what `use` returns, once Redis knows all invalidations of this process. Raises `Unavailable`."""
        if self._undelivered:
            await self._deliver()
        return await self.client.call(use)

    async def keys(self, pattern: str) -> AsyncIterator[list[str]]:
        """Yield the keys that match, in parts, once Redis knows all invalidations of this process. Raises `Unavailable`."""
        if self._undelivered:
            await self._deliver()
        async for names in self.client.keys(pattern):
            yield names

    async def invalidate(self, owner: UUID, tags: Collection[str]) -> None:
        """End the versions. While Redis cannot be reached, this process reads nothing from it; the next call delivers the invalidation."""
        self.epoch += 1
        for tag in tags:
            self._undelivered[self.key(ns.tag_of(owner, tag))] = self.epoch
        while len(self._undelivered) > MAX_UNDELIVERED:
            del self._undelivered[next(iter(self._undelivered))]
        with suppress(Unavailable):
            await self._deliver()

    async def _deliver(self) -> None:
        sent = dict(self._undelivered)
        await self.client.call(lambda redis: redis.unlink(*sent))
        for key, epoch in sent.items():
            if self._undelivered.get(key) == epoch:
                del self._undelivered[key]

    async def check(self) -> str:
        """Connect once, and return the name of the server. Raises `Unavailable`."""
        return await self.client.check()

    async def close(self) -> None:
        await self.client.close()


@dataclass(frozen=True, slots=True)
class RedisCacheProvider[T](CacheProvider[T]):
    """Implements `CacheProvider` for one namespace and owner."""

    caches: RedisCaches
    namespace: Namespace[T]

    async def get(self, key: str) -> T | None:
        return (await self.get_many([key])).get(key)

    async def get_many(self, keys: Collection[str]) -> Mapping[str, T]:
        wanted = self._keys(keys)
        if not wanted:
            return {}
        payloads = await self.caches.attempt(lambda redis: self.caches.get(wanted, [self._owner()]), [None] * len(wanted))
        counted = self.caches.counts.of(self.namespace.prefix)
        read = {key: self.namespace.read(counted, payload, 0.0, ()) for key, payload in zip(keys, payloads, strict=True)}
        return {key: one.stored() for key, one in read.items() if one.found}

    async def set(self, key: str, value: T, ttl: int | None = None) -> None:
        await self.set_many({key: value}, ttl)

    async def set_many(self, values: Mapping[str, T], ttl: int | None = None) -> None:
        names, milliseconds = dict(zip(values, self._keys(values), strict=True)), _milliseconds(ns.lifetime(ttl))
        payloads = {names[key]: ns.encoded(value) for key, value in values.items()}
        stored = {name: payload for name, payload in payloads.items() if payload is not None}
        dropped = payloads.keys() - stored.keys()
        if stored:
            await self.caches.attempt(lambda redis: self.caches.set([*stored], [milliseconds, *stored.values()]), None)
        if dropped:
            await self.caches.attempt(lambda redis: redis.unlink(*dropped), None)

    async def delete(self, key: str) -> bool:
        return bool(await self.caches.attempt(lambda redis: self._count(self._keys([key]), "remove"), 0))

    async def exists(self, key: str) -> bool:
        return bool(await self.caches.attempt(lambda redis: self._count(self._keys([key]), "keep"), 0))

    async def clear_pattern(self, pattern: str) -> int:
        matches = ns.matcher(pattern)
        return await self._each(matches, "remove")

    async def get_stats(self) -> CacheStats:
        """The size is counted by reading all keys of the server. Valkey and Redis count evictions for the whole server only."""
        counted = self.caches.counts.of(self.namespace.prefix)
        return CacheStats(hits=counted.hits, misses=counted.misses, size=await self._each(bool, "keep"), evictions=None)

    async def lookup(self, key: str, tags: Sequence[str]) -> Lookup[T]:
        ns.limited("tags", tags, ns.MAX_TAGS)
        names = [*self._keys([key]), *self._tags(tags)]
        arguments: list[str | int] = [self._owner(), _milliseconds(ns.MAX_TTL), token_hex(16)]
        unavailable = [
            None,
            0,
            *[f"unavailable {self.caches.epoch}".encode()] * len(tags),
        ]  # no tag ever has this version: `store` refuses it
        payload, remaining, *versions = await self.caches.attempt(lambda redis: self.caches.lookup(names, arguments), unavailable)
        named = tuple((tag, version.decode()) for tag, version in zip(tags, versions, strict=True))
        return self.namespace.read(self.caches.counts.of(self.namespace.prefix), payload, remaining / 1000, named)

    async def store(self, key: str, value: T, versions: TagVersions, ttl: float) -> bool:
        names = [*self._keys([key]), *self._tags([tag for tag, _ in versions])]
        arguments: list[Any] = [ns.encoded(value), _milliseconds(ns.lifetime(ttl)), _milliseconds(ns.MAX_TTL)]
        if arguments[0] is None:
            await self.delete(key)
            return False
        arguments += [part for tag, version in versions for part in (f":t:{tag}", version)]
        return bool(await self.caches.attempt(lambda redis: self.caches.store(names, arguments), 0))

    async def invalidate(self, tags: Collection[str]) -> None:
        await self.caches.invalidate(self.namespace.owner, tags)

    def _keys(self, keys: Collection[str]) -> list[str]:
        return [self.caches.key(key) for key in self.namespace.keys(keys)]

    def _tags(self, tags: Sequence[str]) -> list[str]:
        return [self.caches.key(self.namespace.tag(tag)) for tag in tags]

    def _owner(self) -> str:
        return self.caches.key(f"{{{self.namespace.owner}}}")

    def _count(self, keys: Sequence[str], then: str) -> Any:
        return self.caches.count(keys, [self._owner(), then])

    async def _each(self, matches: Callable[[str], object], then: str) -> int:
        """Count the valid values whose keys match; `then` is `keep` or `remove`. Raises `Unavailable`."""
        prefix, counted = self.caches.key(self.namespace.prefix), 0
        async for names in self.caches.keys(f"{prefix}*"):
            if matching := [name for name in names if matches(name[len(prefix) :])]:
                counted += await self.caches.call(lambda redis: self._count(matching, then))
        return counted


def _milliseconds(seconds: float) -> int:
    """Redis counts lifetimes in whole milliseconds, at least one."""
    return max(1, int(seconds * 1000))
