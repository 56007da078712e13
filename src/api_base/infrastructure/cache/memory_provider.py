"""The cache in the memory of each process: bounded in entries and bytes, evicting the least recently used entry first.

Values are stored in their encoded form, so that no two callers share an object, and the size of an entry is known. An invalidation in one
process does not reach another: there a value stays until its lifetime ends.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final
from uuid import UUID

from api_base.core.protocols import CacheProvider, Caches, CacheStats, CacheTotals, Lookup, TagVersions
from api_base.infrastructure.cache import namespace as ns
from api_base.infrastructure.cache.namespace import Counts, Namespace

OVERHEAD: Final = 300
"""Bytes that an entry takes beside its key and its value."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`versions` are those of its tags in this memory; `origin` those in the store that the value was read from."""

    payload: bytes
    expires: float
    versions: TagVersions
    prefix: str
    size: int
    etag: str = ""
    origin: TagVersions = ()


class MemoryCaches(Caches):
    """Implements `Caches`. `now` returns seconds of a monotonic clock. The versions of tags are bounded by `max_entries`, too: an entry whose
    tag gave way is invalid."""

    def __init__(self, max_entries: int = 10_000, max_bytes: int = 16 * 1024 * 1024, now: Callable[[], float] = time.monotonic) -> None:
        self.max_entries, self.max_bytes, self.now = max_entries, max_bytes, now
        self.bytes = 0
        self.counts = Counts()
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._tags: OrderedDict[str, str] = OrderedDict()
        self._numbers = count(1)

    def __len__(self) -> int:
        """The number of stored entries."""
        return len(self._entries)

    def totals(self) -> CacheTotals:
        return self.counts.totals()

    def providers[T](self, name: str, kind: type[T]) -> Callable[[UUID], CacheProvider[T]]:
        of = ns.namespaces(name, kind)
        return lambda owner: MemoryCacheProvider(self, of(owner))

    async def invalidate(self, owner: UUID, tags: Collection[str]) -> None:
        self.end(ns.tag_of(owner, tag) for tag in tags)

    def end(self, tags: Iterable[str]) -> None:
        """End the present versions of tags, by their full names."""
        for tag in tags:
            self._tags.pop(tag, None)

    def clear(self) -> None:
        """Forget all entries and versions."""
        self._entries.clear()
        self._tags.clear()
        self.bytes = 0

    async def close(self) -> None:
        """Nothing is open."""

    def peek(self, key: str) -> Entry | None:
        """Return the valid entry of a full key. An entry that has ended is removed."""
        entry = self._entries.get(key)
        if entry is not None and (entry.expires <= self.now() or not self.current(entry.versions)):
            self.remove(key)
            return None
        return entry

    def find(self, key: str) -> Entry | None:
        """The same, and mark the entry as used."""
        entry = self.peek(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Store an entry, and evict others, or itself, until the bounds hold."""
        self.remove(key)
        self._entries[key] = entry
        self.bytes += entry.size
        while len(self._entries) > self.max_entries or self.bytes > self.max_bytes:
            oldest = next(iter(self._entries))
            self.counts.of(self._entries[oldest].prefix).evictions += 1
            self.remove(oldest)

    def remove(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry.size

    def keys(self, prefix: str) -> list[str]:
        """Return the full keys of the valid entries under `prefix`."""
        return [key for key in list(self._entries) if key.startswith(prefix) and self.peek(key) is not None]

    def version(self, tag: str) -> str:
        """Return the present version of a tag, by its full name."""
        found = self._tags.get(tag)
        if found is None:
            found = self._tags[tag] = str(next(self._numbers))
            if len(self._tags) > self.max_entries:
                self._tags.popitem(last=False)
        else:
            self._tags.move_to_end(tag)
        return found

    def current(self, versions: TagVersions) -> bool:
        for tag, version in versions:  # noqa: SIM110 -- of a hit, all() takes a tenth
            if self._tags.get(tag) != version:
                return False
        return True


@dataclass(frozen=True, slots=True)
class MemoryCacheProvider[T](CacheProvider[T]):
    """Implements `CacheProvider` for one namespace and owner."""

    caches: MemoryCaches
    namespace: Namespace[T]

    async def get(self, key: str) -> T | None:
        return self._read(key, ()).value

    async def get_many(self, keys: Collection[str]) -> Mapping[str, T]:
        self.namespace.keys(keys)
        found = {key: self._read(key, ()) for key in keys}
        return {key: one.stored() for key, one in found.items() if one.found}

    async def set(self, key: str, value: T, ttl: int | None = None) -> None:
        self._write(key, value, (), ns.lifetime(ttl))

    async def set_many(self, values: Mapping[str, T], ttl: int | None = None) -> None:
        self.namespace.keys(values)
        seconds = ns.lifetime(ttl)
        for key, value in values.items():
            self._write(key, value, (), seconds)

    async def delete(self, key: str) -> bool:
        full = self.namespace.key(key)
        found = self.caches.peek(full) is not None
        self.caches.remove(full)
        return found

    async def exists(self, key: str) -> bool:
        return self.caches.peek(self.namespace.key(key)) is not None

    async def clear_pattern(self, pattern: str) -> int:
        prefix, matches = self.namespace.prefix, ns.matcher(pattern)
        matching = [key for key in self.caches.keys(prefix) if matches(key[len(prefix) :])]
        for key in matching:
            self.caches.remove(key)
        return len(matching)

    async def get_stats(self) -> CacheStats:
        prefix = self.namespace.prefix
        counted = self.caches.counts.of(prefix)
        return CacheStats(hits=counted.hits, misses=counted.misses, size=len(self.caches.keys(prefix)), evictions=counted.evictions)

    async def lookup(self, key: str, tags: Sequence[str]) -> Lookup[T]:
        ns.limited("tags", tags, ns.MAX_TAGS)
        return self._read(key, tags)

    async def store(self, key: str, value: T, versions: TagVersions, ttl: float, etag: str = "") -> bool:
        seconds = ns.lifetime(ttl)
        named = tuple((self.namespace.tag(tag), version) for tag, version in versions)
        if not self.caches.current(named):
            return False
        return self._write(key, value, named, seconds, etag)

    async def claim(self, key: str, by: str, seconds: float, remaining: float) -> str:
        return by

    async def release(self, key: str, by: str, seconds: float) -> None:
        """No process shares this memory."""

    async def invalidate(self, tags: Collection[str]) -> None:
        await self.caches.invalidate(self.namespace.owner, tags)

    def _read(self, key: str, tags: Sequence[str]) -> Lookup[T]:
        caches, namespace = self.caches, self.namespace
        entry = caches.find(namespace.key(key))
        versions = tuple([(tag, caches.version(namespace.tag(tag))) for tag in tags])
        counted = caches.counts.of(namespace.prefix)
        if entry is None:
            return namespace.read(counted, None, 0.0, versions)
        return namespace.read(counted, entry.payload, entry.expires - caches.now(), versions, entry.etag)

    def _write(self, key: str, value: T, versions: TagVersions, seconds: float, etag: str = "") -> bool:
        """Return whether the value has a form in which it can be stored."""
        full, payload = self.namespace.key(key), ns.encoded(value)
        if payload is None:
            self.caches.remove(full)
            return False
        self.caches.put(
            full, Entry(payload, self.caches.now() + seconds, versions, self.namespace.prefix, size_of(full, payload, versions), etag)
        )
        return True


def size_of(key: str, payload: bytes, versions: TagVersions) -> int:
    """Return the bytes that an entry takes."""
    return len(key.encode()) + len(payload) + sum(len(tag) + len(version) for tag, version in versions) + OVERHEAD
