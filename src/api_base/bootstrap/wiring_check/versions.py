"""Versions: changes name fields that their classes have, and settings name versions that there are."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from datetime import date

from pydantic import BaseModel

from api_base.bootstrap.context import Context, changes_of
from api_base.core.config.versions import VersionSettings
from api_base.core.errors import Fault
from api_base.interface.versioning import Change


def faults(contexts: Sequence[Context], settings: VersionSettings, newest: int) -> Iterator[Fault]:
    """Yield the faults of the changes of all contexts, and of the settings about versions. `newest` is the newest version."""
    known: dict[type, set[str]] = {}
    released: dict[int, date] = {}
    for change in changes_of(contexts):
        number = change.version.number
        if number < 2:
            yield Fault(
                change.declared_at,
                f"A change is of version {number}, but the first version changed nothing. Write Version(2, …) or a later one.",
            )
        if released.setdefault(number, change.version.released) != change.version.released:
            yield Fault(
                change.declared_at,
                f"Version {number} is released on {change.version.released}, and elsewhere on {released[number]}. Write it once, and name it.",
            )
        yield from _of(change, known)
    yield from _of_settings(settings, newest)


def _of(change: Change, known: dict[type, set[str]]) -> Iterator[Fault]:
    for cls in change.of:
        names = known.setdefault(cls, _fields(cls))
        if not names:
            yield Fault(
                change.declared_at,
                f"A change names {cls.__name__}, which is neither a DTO nor a body. Name a dataclass or a pydantic model.",
            )
        elif missing := [name for name in change.newer if name not in names]:
            yield Fault(
                change.declared_at,
                f"A change of version {change.version.number} names {missing[0]!r}, but {cls.__name__} then has {', '.join(sorted(names))}.",
            )
        elif "version" in change.newer:
            yield Fault(
                change.declared_at, f"A change names 'version' of {cls.__name__}, which tags and conditions read. It stays as it is."
            )
        elif taken := [name for name in change.older if name in names - set(change.newer)]:
            yield Fault(
                change.declared_at,
                f"{cls.__name__} cannot have had {taken[0]!r} before version {change.version.number}: it has another field of that name.",
            )
        names -= set(change.newer)
        names |= set(change.older)


def _of_settings(settings: VersionSettings, newest: int) -> Iterator[Fault]:
    if settings.oldest > newest:
        yield Fault("VERSIONS__OLDEST", f"There is no version {settings.oldest}: the newest one is {newest}.")
    for number in sorted(settings.sunsets):
        if number >= newest:
            what = "is the newest one, which does not end" if number == newest else f"does not exist: the newest one is {newest}"
            yield Fault("VERSIONS__SUNSETS", f"Version {number} {what}. Name an older one.")


def _fields(cls: type) -> set[str]:
    if issubclass(cls, BaseModel):
        return set(cls.model_fields)
    return {one.name for one in fields(cls)} if is_dataclass(cls) else set()
