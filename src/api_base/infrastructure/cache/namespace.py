"""What every adapter of the cache does alike: keys of a namespace, the form of values, limits, patterns, figures.

A key is `{owner}:v:name:version:key`. Tags are `{owner}:t:tag`, so that an invalidation reaches all namespaces of an owner. Redis Cluster keeps
what has the same part in braces on the same node, which lets one script read an entry and its tags.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Sized
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Any, Final
from uuid import UUID

from api_base.core.errors import ProgrammingError
from api_base.core.protocols import CacheTotals, Lookup, TagVersions
from api_base.infrastructure.serialization.json_codec import decoder_of, encode, shape_of

MAX_KEY_LENGTH: Final = 1024
"""Characters of a key, a tag or a pattern."""
MAX_KEYS: Final = 1000
MAX_TAGS: Final = 16
MAX_VALUE_BYTES: Final = 4 * 1024 * 1024
MAX_TTL: Final = 7 * 86_400
"""Seconds."""
MAX_COUNTED: Final = 10_000
"""Namespaces and owners whose hits and misses a process counts; the figures of the least recently used one are forgotten."""

_NAME: Final = re.compile(r"[A-Za-z0-9._<>-]{1,200}").fullmatch


@dataclass(frozen=True, slots=True)
class Namespace[T]:
    """The values of the type `kind` under `prefix`, which names owner, namespace and the shape of the type."""

    owner: UUID = field(compare=False)
    slot: str = field(compare=False)
    """The owner in braces."""
    prefix: str
    kind: Any = field(compare=False)
    decode: Callable[[bytes], T] = field(compare=False)
    tags: str = field(compare=False)
    """What the full names of the owner's tags begin with."""

    def key(self, key: str) -> str:
        """Return the full key. Raises `ProgrammingError` for a key that is too long."""
        return self.prefix + checked("key", key)

    def keys(self, keys: Collection[str]) -> list[str]:
        """Return the full keys. Raises `ProgrammingError` for too many of them."""
        limited("keys", keys, MAX_KEYS)
        return [self.key(key) for key in keys]

    def tag(self, tag: str) -> str:
        """Return the full name of a tag. Raises `ProgrammingError` for a tag that is too long."""
        return self.tags + checked("tag", tag)

    def read(self, counted: "Count", payload: bytes | None, remaining: float, versions: TagVersions, etag: str = "") -> Lookup[T]:
        """Return the value in `payload` and count a hit. Without a payload that can be read, it is a miss."""
        try:
            value = None if payload is None else self.decode(payload)
        except ValueError:
            payload = value = None
        if payload is None:
            counted.misses += 1
            return Lookup(False, None, 0.0, versions)
        counted.hits += 1
        return Lookup(True, value, remaining, versions, etag)


def namespaces[T](name: str, kind: type[T]) -> Callable[[UUID], Namespace[T]]:
    """Return the namespace `name` for values of `kind`, by owner. Raises `ProgrammingError` for a bad name or a type without a JSON form."""
    if not _NAME(name):
        raise ProgrammingError(f"The cache namespace {name[:50]!r} must have 1 to 200 letters, digits, dots, hyphens or underscores.")
    try:
        rest, decode = f":v:{name}:{shape_of(kind)}:", decoder_of(kind)
    except TypeError as error:
        raise ProgrammingError(f"The cache namespace {name!r} cannot hold {kind!r}: {error}") from error

    def of(owner: UUID) -> Namespace[T]:
        slot = f"{{{owner}}}"
        return Namespace(owner, slot, slot + rest, kind, decode, f"{slot}:t:")

    return of


def tag_of(owner: UUID, tag: str) -> str:
    """Return the full name of a tag. Raises `ProgrammingError` for a tag that is too long."""
    return _tags(owner) + checked("tag", tag)


def _tags(owner: UUID) -> str:
    return f"{{{owner}}}:t:"


def checked(what: str, text: str) -> str:
    """Return `text`. Raises `ProgrammingError` for an empty or too long one, without repeating all of it."""
    if not 1 <= len(text) <= MAX_KEY_LENGTH:
        raise ProgrammingError(f"A cache {what} has 1 to {MAX_KEY_LENGTH} characters, not {len(text)}: {text[:50]!r}. Use a digest of it.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ProgrammingError(f"A cache {what} cannot contain half a surrogate pair: {text[:50]!r}. Use a digest of it.") from None
    return text


def limited(what: str, values: Sized, most: int) -> None:
    """Raise `ProgrammingError` for more than `most` values."""
    if len(values) > most:
        raise ProgrammingError(f"A call of the cache takes up to {most} {what}, not {len(values)}. Divide them.")


def lifetime(ttl: float | None) -> float:
    """Return seconds. Raises `ProgrammingError` for a lifetime that is not above 0 and at most `MAX_TTL`."""
    if ttl is None:
        return MAX_TTL
    if not 0 < ttl <= MAX_TTL:
        raise ProgrammingError(f"A lifetime in the cache is above 0 and at most {MAX_TTL} seconds, not {ttl!r}.")
    return ttl


def encoded(value: object) -> bytes | None:
    """Return the stored form of `value`; None for one that has no JSON form or is over `MAX_VALUE_BYTES`."""
    try:
        payload = encode(value)
    except (OverflowError, RecursionError, TypeError, ValueError):
        return None
    return payload if len(payload) <= MAX_VALUE_BYTES else None


def matcher(pattern: str) -> Callable[[str], object]:
    """Return what decides whether a key matches `pattern`, in linear time: `translate` never steps back over a `*`."""
    checked("pattern", pattern)
    return re.compile(translate(pattern.replace("[", "[[]"))).match


@dataclass(slots=True)
class Count:
    hits: int = 0
    misses: int = 0
    evictions: int = 0


class Counts:
    """Hits, misses and evictions by namespace and owner."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, Count] = OrderedDict()
        self._forgotten = Count()

    def totals(self) -> CacheTotals:
        """Return the sums over all namespaces and owners, the forgotten ones included."""
        counted = (self._forgotten, *self._of.values())
        return CacheTotals(sum(one.hits for one in counted), sum(one.misses for one in counted))

    def of(self, prefix: str) -> Count:
        """Return the figures of a prefix, which are all 0 at first."""
        found = self._of.get(prefix)
        if found is None:
            if len(self._of) >= MAX_COUNTED:
                _, forgotten = self._of.popitem(last=False)
                self._forgotten.hits += forgotten.hits
                self._forgotten.misses += forgotten.misses
            found = self._of[prefix] = Count()
        else:
            self._of.move_to_end(prefix)
        return found
