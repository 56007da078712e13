"""What differs between two JSON documents, by JSON Pointer [RFC 6901]."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """One place in which two documents differ. None stands for what one of them lacks."""

    pointer: str
    before: Any
    after: Any


def differences(before: Any, after: Any, pointer: str = "") -> Iterator[Difference]:
    """Yield the places that differ, as deep as both documents have an object or a list there. The elements of lists compare by position.

    >>> list(differences({"a": [1, 2]}, {"a": [1, 3], "b": True}))
    [Difference(pointer='/a/1', before=2, after=3), Difference(pointer='/b', before=None, after=True)]
    """
    one, other = _members(before), _members(after)
    if one is None or other is None or isinstance(before, Mapping) is not isinstance(after, Mapping):
        if before != after or isinstance(before, bool) is not isinstance(after, bool):
            yield Difference(pointer, before, after)
        return
    for name in one | other:
        step = f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
        if name in one and name in other:
            yield from differences(one[name], other[name], step)
        else:
            yield Difference(step, one.get(name), other.get(name))


def _members(value: Any) -> dict[Any, Any] | None:
    if isinstance(value, Mapping):
        return dict(value)
    return dict(enumerate(value)) if isinstance(value, list | tuple) else None
