"""Two tiers: the memory of each process before Redis.

The memory holds only what was read from Redis, with the tags that it has there. Redis publishes what ends in the same step in which it ends
(redis_scripts.py), and the memory is used only while the subscription is known to work (`fresh_until`): a value that ended elsewhere is served
for at most `MAX_SILENCE` seconds. After a gap in the subscription the memory is empty.

A value that was read before its key or one of its tags ended is not kept after it: both have a version in the memory, which is compared
after the read, and which every announcement ends.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from api_base.core.protocols import CacheProvider, TagVersions
from api_base.infrastructure.cache import namespace as ns
from api_base.infrastructure.cache.memory_provider import Entry, MemoryCaches, size_of
from api_base.infrastructure.cache.redis_provider import RedisCacheProvider, RedisCaches, Stored
from api_base.infrastructure.redis.address import RedisAddress
from api_base.infrastructure.redis.client import RedisClient
from api_base.infrastructure.redis.subscription import RedisSubscription
from api_base.infrastructure.serialization.json_codec import decode_as


class TieredCaches(RedisCaches):
    """Implements `Caches`. `address` is the one of `client`, for a connection of its own."""

    def __init__(self, client: RedisClient, service: str, memory: MemoryCaches, address: RedisAddress) -> None:
        super().__init__(client, service)
        self.memory = memory
        self.subscription = RedisSubscription(address, self.channel, self._announced, memory.clear)

    def providers[T](self, name: str, kind: type[T]) -> Callable[[UUID], CacheProvider[T]]:
        of = ns.namespaces(name, kind)
        return lambda owner: TieredCacheProvider(self, of(owner))

    def fresh(self) -> bool:
        """Return whether the memory may be used: no announcement older than `MAX_SILENCE` is missing."""
        if time.monotonic() < self.subscription.fresh_until:
            return True
        self.subscription.open()
        return False

    def ended(self, names: Iterable[str]) -> None:
        self.memory.end(names)

    async def close(self) -> None:
        await super().close()
        self.memory.clear()
        await self.subscription.close()

    def _announced(self, message: bytes) -> None:
        """What this process ended itself ended here before. Anybody who may connect may publish: after what means nothing, nothing is kept."""
        try:
            by, names = decode_as(message, tuple[str, list[str]])
        except ValueError:
            by, names = "", []
        if not names:
            self.memory.clear()
        elif by != self.id:
            self.memory.end(names)


class TieredCacheProvider[T](RedisCacheProvider[T]):
    """Implements `CacheProvider` for one namespace and owner."""

    __slots__ = ()
    caches: TieredCaches

    async def clear_pattern(self, pattern: str) -> int:
        try:
            return await super().clear_pattern(pattern)
        finally:
            self.caches.memory.clear()

    async def _stored(self, names: Sequence[str]) -> list[Stored]:
        found = {name: self._kept(name) for name in names}
        missing = [name for name, entry in found.items() if entry is None]
        read: dict[str, Stored] = {}
        if missing:
            versions = {name: self._versions([name]) for name in missing}
            began = self.caches.memory.now()
            read = dict(zip(missing, await super()._stored(missing), strict=True))
            for name, stored in read.items():
                if not stored.tags:
                    self._keep(stored, began, versions[name], ())
        return [read[name] if entry is None else self._of(entry) for name, entry in found.items()]

    async def _found(self, names: Sequence[str], tags: Sequence[str]) -> tuple[Stored, TagVersions]:
        entry = self._kept(names[0])
        if entry is not None and tuple(tag for tag, _ in entry.origin) == tuple(tags):
            self._versions(names)  # they were used: others give way first
            return self._of(entry), entry.origin
        versions, began = self._versions(names), self.caches.memory.now()
        stored, origin = await super()._found(names, tags)
        if stored.tags.issubset(tags):
            self._keep(stored, began, versions, origin)
        return stored, origin

    def _versions(self, names: Sequence[str]) -> TagVersions:
        return tuple((name, self.caches.memory.version(name)) for name in names)

    def _kept(self, name: str) -> Entry | None:
        return self.caches.memory.find(name) if self.caches.fresh() else None

    def _keep(self, stored: Stored, began: float, versions: TagVersions, origin: TagVersions) -> None:
        """Keep what was read since `began`: valid only while the key and the tags have the `versions` of before. The key is the first of them."""
        memory, name, payload = self.caches.memory, versions[0][0], stored.payload
        if payload is not None:
            size = size_of(name, payload, (*versions, *origin))
            memory.put(name, Entry(payload, began + stored.remaining, versions, self.namespace.prefix, size, stored.etag, origin))

    def _of(self, entry: Entry) -> Stored:
        return Stored(entry.payload, entry.expires - self.caches.memory.now(), entry.etag, frozenset())
