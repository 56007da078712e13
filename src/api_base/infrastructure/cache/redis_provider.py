"""The cache in Redis or Valkey, shared by all processes.

An entry is a hash: the value, and for each tag its version at the time of the lookup. A tag is a key that holds its version, a random text; an
invalidation deletes that key. So an entry is valid only while each of its tags has the version that it was loaded under, which the scripts
compare in the same step that reads or stores. A tag that was evicted makes its entries invalid, never valid.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import batched, count, groupby
from secrets import token_hex
from typing import Any, Final, NamedTuple
from uuid import UUID

from api_base.core.errors import Unavailable
from api_base.core.protocols import CacheProvider, Caches, CacheStats, CacheTotals, Lookup, TagVersions
from api_base.infrastructure.cache import namespace as ns
from api_base.infrastructure.cache import redis_scripts as lua
from api_base.infrastructure.cache.namespace import Counts, Namespace
from api_base.infrastructure.redis.client import RedisClient
from api_base.infrastructure.serialization.json_codec import encode

MAX_UNDELIVERED: Final = 10_000
"""Keys and tags whose invalidation a process remembers while Redis cannot be reached."""
REDELIVERY: Final = 0.5
"""Seconds between attempts to deliver them."""


class RedisCaches(Caches):
    """Implements `Caches`. All keys begin with `service`, so that services can share a server."""

    def __init__(self, client: RedisClient, service: str) -> None:
        self.client, self.service = client, service
        self.counts = Counts()
        self.id, self.channel = token_hex(16), f"{service}:ended"
        self.get, self.lookup, self.store = map(client.script, (lua.GET, lua.LOOKUP, lua.STORE))
        self.count, self.remove, self.set = map(client.script, (lua.COUNT, lua.REMOVE, lua.SET))
        self.end, self.claim, self.release = map(client.script, (lua.END, lua.CLAIM, lua.RELEASE))
        self.versions = count(1)
        """What makes the versions of tags differ that this process gives out."""
        self.epoch = 0
        """Counts the invalidations of this process."""
        self._undelivered: dict[str, int] = {}
        self._redelivery: asyncio.Task[None] | None = None

    def totals(self) -> CacheTotals:
        return self.counts.totals()

    def providers[T](self, name: str, kind: type[T]) -> Callable[[UUID], CacheProvider[T]]:
        of = ns.namespaces(name, kind)
        return lambda owner: RedisCacheProvider(self, of(owner))

    def key(self, key: str) -> str:
        """Return the name of a key on the server."""
        return f"{self.service}:{key}"

    def announced(self, names: Sequence[str]) -> list[str | bytes]:
        """Return the arguments that let a script publish the names of keys and tags; none of them means all."""
        return [self.channel, encode([self.id, names])]

    def ended(self, names: Iterable[str]) -> None:
        """Called before and after values end, with the names of their keys and tags. Nothing of them is in the memory of this process."""

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

    async def write(self, names: Sequence[str], use: Callable[[Any], Any], otherwise: Any) -> Any:
        """Return what `use` returns, which replaces or removes the values of keys. If Redis cannot be used, they end when it can."""
        try:
            return await self.call(use)
        except BaseException as error:  # also when the caller is cancelled: the server may do it later
            self._remember(names)
            self._redeliver_later()
            if not isinstance(error, Unavailable):
                raise
            return otherwise
        finally:
            self.ended(names)

    async def invalidate(self, owner: UUID, tags: Collection[str]) -> None:
        """End the versions. While Redis cannot be reached, this process reads nothing from it; the invalidation is delivered when it can."""
        names = [self.key(ns.tag_of(owner, tag)) for tag in tags]
        self._remember(names)
        self.ended(names)
        with suppress(Unavailable):
            await self._deliver()

    def _remember(self, names: Iterable[str]) -> None:
        self.epoch += 1
        for name in names:
            self._undelivered[name] = self.epoch
        while len(self._undelivered) > MAX_UNDELIVERED:
            del self._undelivered[next(iter(self._undelivered))]

    async def _deliver(self) -> None:
        """Keys of one owner go together, since a Cluster has them on one node."""
        sent = sorted(self._undelivered.items())
        try:
            for _, of_owner in groupby(sent, key=lambda one: one[0].partition("}")[0]):
                for batch in batched(of_owner, ns.MAX_KEYS, strict=False):
                    await self._send(dict(batch))
        except Unavailable:
            self._redeliver_later()
            raise

    async def _send(self, batch: Mapping[str, int]) -> None:
        await self.client.call(lambda redis: self.end([*batch], self.announced([*batch])))
        for name, epoch in batch.items():
            if self._undelivered.get(name) == epoch:
                del self._undelivered[name]
        self.ended(batch)

    def _redeliver_later(self) -> None:
        if self._redelivery is None:
            self._redelivery = asyncio.get_running_loop().create_task(self._redeliver())

    async def _redeliver(self) -> None:
        try:
            while self._undelivered:
                await asyncio.sleep(REDELIVERY)
                with suppress(Unavailable):
                    await self._deliver()
        finally:
            self._redelivery = None

    async def check(self) -> str:
        """Connect once, and return the name of the server. Raises `Unavailable`."""
        return await self.client.check()

    async def close(self) -> None:
        if self._redelivery is not None:
            self._redelivery.cancel()
        await self.client.close()


class Stored(NamedTuple):
    """What Redis holds of a key: `payload` is None without a valid value, which ends in `remaining` seconds. `tags` are its tags."""

    payload: bytes | None
    remaining: float
    etag: str
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class RedisCacheProvider[T](CacheProvider[T]):
    """Implements `CacheProvider` for one namespace and owner."""

    caches: RedisCaches
    namespace: Namespace[T]

    async def get(self, key: str) -> T | None:
        return (await self.get_many([key])).get(key)

    async def get_many(self, keys: Collection[str]) -> Mapping[str, T]:
        stored = await self._stored(self._keys(keys)) if keys else []
        counted = self.caches.counts.of(self.namespace.prefix)
        read = {key: self.namespace.read(counted, one.payload, 0.0, ()) for key, one in zip(keys, stored, strict=True)}
        return {key: one.stored() for key, one in read.items() if one.found}

    async def set(self, key: str, value: T, ttl: int | None = None) -> None:
        await self.set_many({key: value}, ttl)

    async def set_many(self, values: Mapping[str, T], ttl: int | None = None) -> None:
        caches, names, milliseconds = self.caches, dict(zip(values, self._keys(values), strict=True)), _milliseconds(ns.lifetime(ttl))
        payloads = {names[key]: ns.encoded(value) for key, value in values.items()}
        stored = {name: payload for name, payload in payloads.items() if payload is not None}
        if stored:
            arguments = [milliseconds, *caches.announced([*stored]), *stored.values()]
            await caches.write([*stored], lambda redis: caches.set([*stored], arguments), None)
        if dropped := [*payloads.keys() - stored.keys()]:
            await self._removed(dropped)

    async def delete(self, key: str) -> bool:
        return bool(await self._removed(self._keys([key])))

    async def exists(self, key: str) -> bool:
        return bool(await self.caches.attempt(lambda redis: self._count(self._keys([key])), 0))

    async def clear_pattern(self, pattern: str) -> int:
        """Other processes then forget all values in their memory, not only these."""
        return await self._each(ns.matcher(pattern), self._remove)

    async def get_stats(self) -> CacheStats:
        """The size is counted by reading all keys of the server. Valkey and Redis count evictions for the whole server only."""
        counted = self.caches.counts.of(self.namespace.prefix)
        return CacheStats(hits=counted.hits, misses=counted.misses, size=await self._each(bool, self._count), evictions=None)

    async def lookup(self, key: str, tags: Sequence[str]) -> Lookup[T]:
        ns.limited("tags", tags, ns.MAX_TAGS)
        stored, versions = await self._found([*self._keys([key]), *self._tags(tags)], tags)
        return self.namespace.read(self.caches.counts.of(self.namespace.prefix), stored.payload, stored.remaining, versions, stored.etag)

    async def store(self, key: str, value: T, versions: TagVersions, ttl: float, etag: str = "") -> bool:
        caches, name, payload = self.caches, *self._keys([key]), ns.encoded(value)
        names = [name, _claim(name), *self._tags([tag for tag, _ in versions])]
        arguments: list[Any] = [payload, _milliseconds(ns.lifetime(ttl)), _milliseconds(ns.MAX_TTL), *caches.announced([name]), etag]
        if payload is None:
            await self.delete(key)
            return False
        arguments += [part for tag, version in versions for part in (f":t:{tag}", version)]
        stored = await caches.attempt(lambda redis: caches.store(names, arguments), 0)
        caches.ended([name])
        return bool(stored)

    async def invalidate(self, tags: Collection[str]) -> None:
        await self.caches.invalidate(self.namespace.owner, tags)

    async def claim(self, key: str, by: str, seconds: float, remaining: float) -> str:
        (name,) = self._keys([key])
        arguments: list[str | int] = [by, _milliseconds(seconds), int(remaining * 1000)]
        holder: bytes = await self.caches.attempt(lambda redis: self.caches.claim([name, _claim(name)], arguments), by.encode())
        if not holder:
            self.caches.ended([name])
        return holder.decode()

    async def release(self, key: str, by: str, seconds: float) -> None:
        (name,) = self._keys([key])
        await self.caches.attempt(lambda redis: self.caches.release([_claim(name)], [by, _milliseconds(seconds)]), None)

    async def _stored(self, names: Sequence[str]) -> list[Stored]:
        found = await self.caches.attempt(lambda redis: self.caches.get(names, [self._owner()]), [_NOTHING] * len(names))
        return [_parsed(one) for one in found]

    async def _found(self, names: Sequence[str], tags: Sequence[str]) -> tuple[Stored, TagVersions]:
        """Return what is stored under the first name, and the versions of the tags, which have the other names."""
        arguments: list[str | int] = [self._owner(), _milliseconds(ns.MAX_TTL), f"{self.caches.id}{next(self.caches.versions)}"]
        unavailable = [_NOTHING, *[f"unavailable {self.caches.epoch}".encode()] * len(tags)]  # no tag ever has this version
        stored, *versions = await self.caches.attempt(lambda redis: self.caches.lookup(names, arguments), unavailable)
        return _parsed(stored), tuple([(tag, version.decode()) for tag, version in zip(tags, versions, strict=True)])

    def _keys(self, keys: Collection[str]) -> list[str]:
        return [self.caches.key(key) for key in self.namespace.keys(keys)]

    def _tags(self, tags: Sequence[str]) -> list[str]:
        return [self.caches.key(self.namespace.tag(tag)) for tag in tags]

    def _owner(self) -> str:
        return self.caches.key(self.namespace.slot)

    def _count(self, names: Sequence[str]) -> Any:
        return self.caches.count(names, [self._owner()])

    def _remove(self, names: Sequence[str]) -> Any:
        return self.caches.remove(names, [self._owner(), *self.caches.announced([])])

    async def _removed(self, names: Sequence[str]) -> int:
        arguments = [self._owner(), *self.caches.announced(names)]
        removed: int = await self.caches.write(names, lambda redis: self.caches.remove(names, arguments), 0)
        return removed

    async def _each(self, matches: Callable[[str], object], use: Callable[[Sequence[str]], Any]) -> int:
        """Return the sum of what `use` returns for the keys that match. Raises `Unavailable`."""
        prefix, counted = self.caches.key(self.namespace.prefix), 0
        async for names in self.caches.keys(f"{prefix}*"):
            if matching := [name for name in names if matches(name[len(prefix) :])]:
                counted += await self.caches.call(lambda redis: use(matching))
        return counted


_NOTHING: Final = (None, 0, None, ())


def _parsed(found: Sequence[Any]) -> Stored:
    payload, milliseconds, etag, tags = found
    return Stored(payload, milliseconds / 1000, (etag or b"").decode(), frozenset([tag[3:].decode() for tag in tags]))


def _claim(name: str) -> str:
    """Return the name of the claim of a key's load. It is not among the values, and on the same node of a Cluster."""
    return name.replace(":v:", ":c:", 1)


def _milliseconds(seconds: float) -> int:
    """Redis counts lifetimes in whole milliseconds, at least one."""
    return max(1, int(seconds * 1000))
