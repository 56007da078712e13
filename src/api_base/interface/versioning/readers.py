"""The values of an object in an older shape: what did not change is read in one go, and what did is made of it."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from api_base.interface.versioning.changes import Change, Renamed

type Read = Callable[[Any], Any]


def reader(newest: Sequence[str], older: Sequence[str], changes: Sequence[Change]) -> Callable[[Any], list[Any]]:
    """Return the function that returns the values of the fields `older`, in order, of an object with the fields `newest`.

    `changes` are those between the two, the newest first.
    """
    sources: dict[str, str | Read] = {name: name for name in newest}
    for change in changes:
        taken = {name: sources.pop(name) for name in change.newer}
        if isinstance(change, Renamed):
            sources[change.was] = taken[change.now]
        else:
            sources |= {name: made_field(change, taken, name) for name in change.older}
    made = [(number, source) for number, name in enumerate(older) if not isinstance(source := sources[name], str)]
    kept = [source if isinstance(source := sources[name], str) else newest[0] for name in older]
    if len(kept) == 1:
        only = made[0][1] if made else attrgetter(kept[0])
        return lambda value: [only(value)]
    read = attrgetter(*kept)

    def values(value: Any) -> list[Any]:
        found = [*read(value)]
        for number, one in made:
            found[number] = one(value)
        return found

    return values


def made_field(change: Change, sources: Mapping[str, str | Read], name: str) -> Read:
    """Return the function that makes one older field of the newer ones."""
    make, kept = change.maker(name), [one for one in sources.values() if isinstance(one, str)]
    if len(kept) == len(sources) > 1:
        together = attrgetter(*kept)
        return lambda value: make(*together(value))
    reads = [attrgetter(one) if isinstance(one, str) else one for one in sources.values()]
    if len(reads) == 1:
        read = reads[0]
        return lambda value: make(read(value))
    return lambda value: make(*[read(value) for read in reads])
