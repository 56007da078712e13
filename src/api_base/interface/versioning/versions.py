"""The versions that an application serves, and its routers in each of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import update_wrapper
from string import Formatter
from typing import Any, Final, get_type_hints

from fastapi import APIRouter

from api_base.interface.routes import Deprecation, RouteOptions, Router
from api_base.interface.routes.router import RouteDefinition
from api_base.interface.routes.versions import API, OLDER_ROUTE, VERSION, Version
from api_base.interface.versioning.changes import Change
from api_base.interface.versioning.endpoints import older_endpoint
from api_base.interface.versioning.examples import older_example
from api_base.interface.versioning.shapes import Shapes
from api_base.interface.versioning.strategies import Strategy

FIRST: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OlderRoute:
    """How a route differs between versions by more than its types: by the changes of the class `of`. `made` returns its function in a version, and
    `described` its description.
    """

    of: type
    made: Callable[[int], Callable[..., Any]]
    described: Callable[[Shapes], str]


class ApiVersions:
    """The versions from `oldest` to the newest one that a change or a route of `routers` names. `changes` are the newest first; `sunsets` are the days from
    which an older one is gone. `shapes` returns those of a version, `strategy` finds the version that a request names; None if its path does.
    """

    def __init__(
        self,
        changes: Sequence[Change],
        shapes: Callable[[int], Shapes],
        routers: Sequence[tuple[str, APIRouter]],
        sunsets: Mapping[int, date],
        oldest: int = FIRST,
        strategy: Strategy | None = None,
    ) -> None:
        named = [*(one.version for one in changes), *_named(routers)]
        self._released: dict[int, date] = {one.number: one.released for one in named}
        self.newest: Final = max(self._released, default=FIRST)
        self.numbers: Final = tuple(number for number in sorted({FIRST, *self._released}) if number >= oldest)
        self._sunsets, self.strategy = sunsets, strategy
        self._number_of: dict[str, int] = {}
        self._shapes = {number: shapes(number) for number in self.numbers}

    def paths(self, prefix: str) -> list[str]:
        """Return a prefix in each version, the oldest first; one without a version as it is."""
        return [_in(prefix, number) for number in self.numbers] if VERSION in prefix else [prefix]

    def public(self, path: str, number: int) -> str:
        """Return a path as clients of a version send it."""
        return _in(path, number) if self.strategy is None else path.replace(VERSION, "", 1)

    def mounted(self, prefix: str, router: APIRouter) -> Iterator[tuple[str, APIRouter]]:
        """Yield a router with its prefix in each version, the oldest first. One whose path has no version is the same for all."""
        if VERSION not in prefix + router.prefix:
            yield prefix, self._located(router) if isinstance(router, Router) else router
            return
        for number in self.numbers:
            made = self._of(router, number, prefix) if isinstance(router, Router) else router
            self._number_of[_in(prefix, number) + made.prefix] = number
            yield _in(prefix, number), made

    def of(self, number: int, mounted: Iterable[tuple[str, APIRouter]]) -> Iterator[tuple[str, APIRouter]]:
        """Yield those of the mounted routers, with their prefixes, that a version has."""
        for prefix, router in mounted:
            if self._number_of.get(prefix + router.prefix, number) == number:
                yield prefix, router

    def _of(self, router: Router, number: int, prefix: str) -> Router:
        definitions = (self._definition(one, number, prefix, _reading(one, router, number)) for one in router.definitions)
        return router.with_definitions([one for one in definitions if one is not None], _in(router.prefix, number))

    def _definition(self, one: RouteDefinition, number: int, prefix: str, read: Callable[..., Any] | None) -> RouteDefinition | None:
        options, shapes = one.options, self._shapes[number]
        if not _has(options, number):
            return None
        older: OlderRoute | None = getattr(one.endpoint, OLDER_ROUTE, None)
        if older is None:
            endpoint = older_endpoint(one.endpoint, shapes, read)
            changed = endpoint is not one.endpoint
        else:
            endpoint, changed = update_wrapper(older.made(number), one.endpoint), shapes.of(older.of) is not older.of
        description = older.described(shapes) if older is not None and changed else None
        options = self._at(options, number, prefix)
        if options.removed_in is not None:
            options = replace(options, deprecation=self._deprecation(number, options.removed_in.released, None))
        elif changed and options.deprecation is None:
            hints = [*get_type_hints(one.endpoint, include_extras=True).values(), *([] if older is None else [older.of])]
            since = min(change.version.released for hint in hints for change in shapes.changes_in(hint))
            successor = _in(prefix + one.path, self.newest) if self.strategy is None else None
            options = replace(options, deprecation=self._deprecation(number, since, successor))
        if changed:
            options = replace(options, example=older_example(one, shapes), location=_renamed(options.location, one.endpoint, shapes))
        return one.in_version(number, _in(one.path, number), endpoint, options, description)

    def _located(self, router: Router) -> Router:
        """Return a router of no version, whose routes name resources of the newest one."""
        if not any((one.options.location or "").startswith(API) for one in router.definitions):
            return router
        return router.with_definitions(
            [one.in_version(None, one.path, one.endpoint, self._at(one.options, self.newest, "")) for one in router.definitions]
        )

    def _at(self, options: RouteOptions, number: int, prefix: str) -> RouteOptions:
        """Return the options with the location of what the route creates in a version."""
        location = options.location or ""
        if prefix and location.startswith("./"):
            location = prefix + location.removeprefix(".")
        if VERSION not in location:
            return options
        path = self.public(location, number)
        return replace(options, location=path if self.strategy is None else self.strategy.located(path, number))

    def _deprecation(self, number: int, since: date, successor: str | None) -> Deprecation:
        sunset = self._sunsets.get(number)
        return Deprecation(since=_seconds(since), successor=successor, sunset=None if sunset is None else _seconds(sunset))


def _named(routers: Sequence[tuple[str, APIRouter]]) -> Iterator[Version]:
    for _, router in routers:
        for one in router.definitions if isinstance(router, Router) else ():
            yield from (version for version in (one.options.since, one.options.removed_in) if version is not None)


def _reading(patch: RouteDefinition, router: Router, number: int) -> Callable[..., Any] | None:
    """Return the function that reads what a merge patch of a version changes; None where no route does, and for another method."""
    if patch.method != "PATCH":
        return None
    reads = (one for one in router.definitions if one.method == "GET" and one.path == patch.path and _has(one.options, number))
    return next((one.endpoint for one in reads), None)


def _has(options: RouteOptions, number: int) -> bool:
    added = options.since is None or number >= options.since.number
    return added and (options.removed_in is None or number < options.removed_in.number)


def _in(path: str, number: int) -> str:
    return path.replace(VERSION, f"/v{number}", 1)


def _renamed(location: str | None, endpoint: Callable[..., Any], shapes: Shapes) -> str | None:
    """Return a location with the names of the fields that the older result has."""
    result = get_type_hints(endpoint).get("return")
    parts = [part for _, part, _, _ in Formatter().parse(location or "") if part]
    named = {part: f"{{{shapes.older_name(result, part)}}}" for part in parts}
    return None if location is None else location.format_map(named)


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
