"""Versions: changes name fields that their classes have and classes that routes have, and settings name versions that there are."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date
from itertools import pairwise
from keyword import iskeyword
from typing import get_args, get_origin

from fastapi import APIRouter
from pydantic import BaseModel

from api_base.application.common.listing import OffsetPage, Page
from api_base.bootstrap.context import Context, changes_of
from api_base.core.config.versions import VersionSettings
from api_base.core.errors import Fault
from api_base.core.shared.signatures import hints
from api_base.interface.listing import OFFSET_RESERVED, RESERVED
from api_base.interface.routes import Router
from api_base.interface.routes.router import RouteDefinition
from api_base.interface.routes.type_parts import classes_in
from api_base.interface.versioning import Change


def faults(
    contexts: Sequence[Context], settings: VersionSettings, newest: int, routers: Sequence[tuple[str, APIRouter]]
) -> Iterator[Fault]:
    """Yield the faults of the changes of all contexts, and of the settings about versions. `newest` is the newest version, `routers` are those of the contexts."""
    changes = changes_of(contexts)
    routes = [(prefix, one) for prefix, router in routers if isinstance(router, Router) for one in router.definitions]
    known: dict[type, dict[str, object]] = {}
    for change in changes:
        if change.version.number < 2:
            yield Fault(
                change.declared_at,
                f"A change is of version {change.version.number}, but the first version changed nothing. Write Version(2, …) or a later one.",
            )
        yield from _of(change, known)
    yield from _released(changes, routes)
    if changes:
        types = [(prefix, route, hints(route.endpoint)) for prefix, route in routes]
        seen = {cls for _, _, found in types for hint in found.values() for cls in classes_in(hint)}
        for context in contexts:
            yield from _unused(context, seen)
        for prefix, route, found in types:
            yield from _of_route(changes, prefix, route, found)
    yield from _of_settings(settings, newest)


def _released(changes: Sequence[Change], routes: Sequence[tuple[str, RouteDefinition]]) -> Iterator[Fault]:
    """Yield the faults of the days on which versions are released."""
    released: dict[int, date] = {}
    named = [(change.declared_at, change.version) for change in changes]
    for prefix, route in routes:
        named += [
            (f"{route.method} {prefix}{route.path}", one) for one in (route.options.since, route.options.removed_in) if one is not None
        ]
    for place, version in named:
        if released.setdefault(version.number, version.released) != version.released:
            yield Fault(
                place,
                f"Version {version.number} is released on {version.released}, and elsewhere on {released[version.number]}. Write it once, and name it.",
            )
    places = {version.number: place for place, version in reversed(named) if version.number > 1}
    for before, after in pairwise(sorted(places)):
        if released[after] < released[before]:
            yield Fault(
                places[after],
                f"Version {after} is released on {released[after]}, before version {before}, which is released on {released[before]}. "
                "Correct one of the days.",
            )


def _unused(context: Context, seen: Collection[object]) -> Iterator[Fault]:
    """Yield changes of what no client sees. `seen` are the classes of all routes; what GraphQL alone shows is known with its first request only."""
    for change in context.changes:
        if not change.of:
            yield Fault(change.declared_at, f"A change of version {change.version.number} names no class. Name DTOs and bodies in `of`.")
        for cls in change.of:
            shown = cls in seen or (context.graphql is not None and is_dataclass(cls))
            if _fields(cls) and not shown:
                yield Fault(
                    change.declared_at,
                    f"A change of version {change.version.number} names {cls.__name__}, which no route takes or returns. Name what clients send and see.",
                )


def _of_route(changes: Sequence[Change], prefix: str, route: RouteDefinition, types: Mapping[str, object]) -> Iterator[Fault]:
    """Yield what an older client could not send to a route, or not name to it. `types` are those of its function."""
    place = f"{route.method} {prefix}{route.path}"
    result = types.get("return")
    if get_origin(result) in (Page, OffsetPage):
        reserved = OFFSET_RESERVED if get_origin(result) is OffsetPage else RESERVED
        for change in changes:
            if get_args(result)[0] in change.of and (taken := [name for name in change.older if name in reserved]):
                yield Fault(
                    change.declared_at,
                    f"{get_args(result)[0].__name__} cannot have had {taken[0]!r} before version {change.version.number}: it is a parameter of the list {place}.",
                )
    body = next((hint for hint in types.values() if isinstance(hint, type) and issubclass(hint, BaseModel)), None)
    location = (route.options.location or "").removeprefix(".").removeprefix(prefix)
    if body is not None and isinstance(result, type) and (route.method == "PATCH" or location.startswith(f"{route.path}/")):
        yield from _halves(changes, body, result, place)


def _halves(changes: Sequence[Change], body: type, result: type, place: str) -> Iterator[Fault]:
    """Yield changes of what a client sends and not of what it sees then, or the other way round. Both are members of one resource."""
    names: dict[type, set[str]] = {cls: {*_fields(cls)} for cls in (body, result)}
    for change in changes:
        for cls, other in ((body, result), (result, body)):
            twins = [one for one in changes if other in one.of and one.version == change.version and {*one.newer} == {*change.newer}]
            if cls in change.of and not twins and names[other].issuperset(change.newer):
                yield Fault(
                    change.declared_at,
                    f"{place} takes {body.__name__} and returns {result.__name__}, and version {change.version.number} changed "
                    f"{' and '.join(change.newer)} in {cls.__name__} only. Name both classes in `of`.",
                )
        for cls in (body, result):
            if cls in change.of:
                names[cls] = names[cls] - {*change.newer} | {*change.older}


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
        return f"A change names {getattr(cls, '__name__', cls)!s}, which is neither a DTO nor a body. Name a dataclass or a pydantic model."
    if not (change.newer and change.older):
        return f"A change of {cls.__name__} in version {number} has no {'older' if change.newer else 'newer'} field. Name at least one of each."
    if missing := [name for name in change.newer if name not in types]:
        return f"A change of version {number} names {missing[0]!r}, but {cls.__name__} then has {', '.join(sorted(types))}."
    if "version" in change.newer:
        return f"A change names 'version' of {cls.__name__}, which tags and conditions read. It stays as it is."
    if wrong_names := [name for name in change.older if not name.isidentifier() or iskeyword(name) or name.startswith("_")]:
        return f"{cls.__name__} cannot have had {wrong_names[0]!r} before version {number}: a field has a name of Python that begins with a letter."
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


def _fields(cls: object) -> dict[str, object]:
    if isinstance(cls, type) and issubclass(cls, BaseModel):
        cls.model_rebuild(raise_errors=False)
        return {name: one.annotation for name, one in cls.model_fields.items()}
    return dict(hints(cls)) if is_dataclass(cls) else {}
