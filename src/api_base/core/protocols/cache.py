"""The cache: values that may be lost at any moment, and whose loss costs only time."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, cast
from uuid import UUID

type TagVersions = tuple[tuple[str, str], ...]
"""The versions that tags had when a value was looked up. A version never returns: each invalidation ends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStats:
    """Figures of one namespace of one owner.

    `hits` and `misses` are those of this process. `evictions` counts values that gave way to others; None if the server does not count them by
    namespace.
    """

    hits: int
    misses: int
    size: int
    evictions: int | None


class CacheTotals(NamedTuple):
    """Lookups of this process that found a value, and those that found none, in all namespaces. Both only grow."""

    hits: int
    misses: int


class Lookup[T](NamedTuple):
    """`value` is valid if `found`; it is stored for another `remaining` seconds. `versions` are those of the tags, for `store`.

    `etag` is what the source of the value called it, empty if it did not. A NamedTuple, because each hit makes one: a frozen dataclass takes
    three times as long to make.
    """

    found: bool
    value: T | None
    remaining: float
    versions: TagVersions
    etag: str = ""

    def stored(self) -> T:
        """Return the value of a lookup that has `found` one: None only if `T` includes it."""
        return cast("T", self.value)


class CacheProvider[T](Protocol):
    """The cached values of one namespace and one owner. Providers of the same namespace, owner and store are equal and have the same hash.

    A failing store never fails the caller: reads find nothing, writes are dropped. Only `clear_pattern` and `get_stats`, which operators call,
    raise `Unavailable`. Keys and tags have 1 to 1024 characters. Lifetimes are in seconds, above 0 and at most 7 days; `None` is 7 days. All
    raise `ProgrammingError` for other keys, tags and lifetimes. A value over 4 MiB, or without a JSON form, is not stored.
    """

    async def get(self, key: str) -> T | None:
        """Return the value of `key`; None without one."""

    async def get_many(self, keys: Collection[str]) -> Mapping[str, T]:
        """Return the values of up to 1000 keys that have one."""

    async def set(self, key: str, value: T, ttl: int | None = None) -> None:
        """Store `value` for `ttl` seconds, without tags."""

    async def set_many(self, values: Mapping[str, T], ttl: int | None = None) -> None:
        """Store up to 1000 values for `ttl` seconds, without tags."""

    async def delete(self, key: str) -> bool:
        """Remove the value of `key`; return whether there was one."""

    async def exists(self, key: str) -> bool:
        """Return whether `key` has a value. Counts neither as a hit nor as a miss."""

    async def clear_pattern(self, pattern: str) -> int:
        """Remove the values whose keys match `pattern`, and return their number. Only this namespace and owner are affected.

        `*` stands for any characters, `?` for one; every other character stands for itself. Raises `ProgrammingError` for a pattern of more than
        1024 characters.
        """

    async def get_stats(self) -> CacheStats:
        """Return the figures of this namespace and owner."""

    async def lookup(self, key: str, tags: Sequence[str]) -> Lookup[T]:
        """Return the value of `key`, and the present versions of up to 16 tags. Call it before loading a value for `store`."""

    async def store(self, key: str, value: T, versions: TagVersions, ttl: float, etag: str = "") -> bool:
        """Store `value`, unless one of its tags was invalidated after `versions` were looked up. Return whether it was stored.

        Comparison and storing are one step, which also ends a claim. A later invalidation of one of the tags removes the value.
        """

    async def claim(self, key: str, by: str, seconds: float, remaining: float) -> str:
        """Claim the load of `key` among all processes for `seconds`, or for so many more. Return who has claimed it: `by`, or another.

        Empty: look again, and then load without a claim. A value that stays for more than `remaining` seconds is stored, or the last load stored
        none. Without a store that processes share, and while it cannot be reached, every claim succeeds.
        """

    async def release(self, key: str, by: str, seconds: float) -> None:
        """End the claim of `by`, whose load stored nothing. For `seconds` others load without a claim: they do not wait for each other."""

    async def invalidate(self, tags: Collection[str]) -> None:
        """End the present versions of tags, in all namespaces of this owner."""


class Caches(Protocol):
    """The store of all cached values."""

    def totals(self) -> CacheTotals:
        """Return how many lookups of this process found a value."""

    def providers[T](self, name: str, kind: type[T]) -> Callable[[UUID], CacheProvider[T]]:
        """Return the providers of the namespace `name` by owner: the tenant whose values they are.

        The shape of `kind` belongs to the namespace: a release that changes the fields of a type does not read the values of another release.
        Raises `ProgrammingError` for a type without a JSON form.
        """

    async def invalidate(self, owner: UUID, tags: Collection[str]) -> None:
        """End the present versions of tags, in all namespaces of `owner`."""

    async def close(self) -> None:
        """Close the connections to the store. The next use opens them again."""
