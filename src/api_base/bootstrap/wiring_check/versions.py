"""Versions: changes name fields that their classes have, and settings name versions that there are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date
from typing import get_type_hints

from pydantic import BaseModel

from api_base.bootstrap.context import Context, changes_of
from api_base.core.config.versions import VersionSettings
from api_base.core.errors import Fault
from api_base.interface.versioning import Change


def faults(contexts: Sequence[Context], settings: VersionSettings, newest: int) -> Iterator[Fault]:
    """Yield the faults of the changes of all contexts, and of the settings about versions. `newest` is the newest version."""
    known: dict[type, dict[str, object]] = {}
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


def _of(change: Change, known: dict[type, dict[str, object]]) -> Iterator[Fault]:
    for cls in change.of:
        types = known.setdefault(cls, _fields(cls))
        found = _mistake(change, cls, types)
        if found is None:
            older: Mapping[str, object] = change.types({name: types[name] for name in change.newer})
        else:
            yield Fault(change.declared_at, found)
            older = dict.fromkeys(change.older, str)  # so that one mistake is not another one of the changes before
        known[cls] = {name: hint for name, hint in types.items() if name not in change.newer} | dict(older)


def _mistake(change: Change, cls: type, types: Mapping[str, object]) -> str | None:
    number = change.version.number
    if not types:
        return f"A change names {cls.__name__}, which is neither a DTO nor a body. Name a dataclass or a pydantic model."
    if missing := [name for name in change.newer if name not in types]:
        return f"A change of version {number} names {missing[0]!r}, but {cls.__name__} then has {', '.join(sorted(types))}."
    if "version" in change.newer:
        return f"A change names 'version' of {cls.__name__}, which tags and conditions read. It stays as it is."
    if taken := [name for name in change.older if name in types.keys() - set(change.newer)]:
        return f"{cls.__name__} cannot have had {taken[0]!r} before version {number}: it has another field of that name."
    wrong = change.mistake({name: types[name] for name in change.newer})
    return wrong and f"The change of {' and '.join(change.newer)} of {cls.__name__} in version {number} {wrong}."


def _of_settings(settings: VersionSettings, newest: int) -> Iterator[Fault]:
    if settings.oldest > newest:
        yield Fault("VERSIONS__OLDEST", f"There is no version {settings.oldest}: the newest one is {newest}.")
    for number in sorted(settings.sunsets):
        if number >= newest:
            what = "is the newest one, which does not end" if number == newest else f"does not exist: the newest one is {newest}"
            yield Fault("VERSIONS__SUNSETS", f"Version {number} {what}. Name an older one.")


def _fields(cls: type) -> dict[str, object]:
    if issubclass(cls, BaseModel):
        return {name: one.annotation for name, one in cls.model_fields.items()}
    return get_type_hints(cls, include_extras=True) if is_dataclass(cls) else {}
