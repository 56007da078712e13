"""Reads members of a JSON document and collects what is wrong with them, so that all violations are reported together."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any, Final

from api_base.core.errors import Invalid, Violation
from api_base.core.shared.rfc3339 import parse_time

_SHOWN: Final = 64
"""Characters of an unknown name that a pointer repeats."""


def step(name: object) -> str:
    """Return `name` as a step of a JSON pointer [RFC 6901], shortened."""
    text = str(name)[:_SHOWN].encode(errors="replace").decode().replace("\0", "?")
    return text.replace("~", "~0").replace("/", "~1")


class Reader:
    """Each method returns None, or leaves out an element, where it adds a violation, and for a member that is null or left out."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def refuse(self, pointer: str, code: str, message: str) -> None:
        """Add a violation."""
        self.violations.append(Violation(pointer, code, message))

    def attempt[T](self, read: Callable[[], T]) -> T | None:
        """Return what `read` returns, and add the violations that it raises."""
        try:
            return read()
        except Invalid as error:
            self.violations += error.violations
            return None

    def members(self, value: object, pointer: str, required: set[str], optional: set[str]) -> Mapping[str, Any] | None:
        """Return an object with these members only."""
        if not isinstance(value, Mapping):
            self.refuse(pointer, "type", "must be an object")
            return None
        known = required | optional
        for name in value:
            if name not in known:
                self.refuse(f"{pointer}/{step(name)}", "unknown", f"is not a member; the members are {', '.join(sorted(known))}")
        for name in sorted(required):
            if value.get(name) is None:
                self.refuse(f"{pointer}/{name}", "missing", "is required")
        return value

    def name(self, members: Mapping[str, Any], member: str, pointer: str, pattern: re.Pattern[str], message: str) -> str | None:
        """Return a string that matches `pattern`."""
        value = members.get(member)
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        if value is not None:
            self.refuse(f"{pointer}/{member}", "name", message)
        return None

    def choice[E: StrEnum](self, members: Mapping[str, Any], member: str, pointer: str, choices: type[E]) -> E | None:
        """Return one of `choices`."""
        value = members.get(member)
        found = next((one for one in choices if one.value == value), None)
        if found is None and value is not None:
            self.refuse(f"{pointer}/{member}", "unknown", f"must be one of {', '.join(choices)}")
        return found

    def elements[T](self, value: object, pointer: str, most: int, read: Callable[[object, str], T | None]) -> tuple[T, ...]:
        """Return what `read` makes of each element and its pointer."""
        if value is None:
            return ()
        if not isinstance(value, list):
            self.refuse(pointer, "type", "must be an array")
            return ()
        if len(value) > most:
            self.refuse(pointer, "too_long", f"has {len(value)} elements; at most {most} are allowed")
            return ()
        found = []
        for index, one in enumerate(value):
            element = self.attempt(partial(read, one, f"{pointer}/{index}"))
            if element is not None:
                found.append(element)
        return tuple(found)

    def truth(self, members: Mapping[str, Any], member: str, *, default: bool) -> bool:
        """Return true or false."""
        value = members.get(member, default)
        if isinstance(value, bool):
            return value
        self.refuse(f"/{member}", "type", "must be true or false")
        return default

    def time(self, members: Mapping[str, Any], member: str) -> datetime | None:
        """Return a time in UTC."""
        value = members.get(member)
        if value is None:
            return None
        try:
            return parse_time(value).astimezone(UTC)
        except (TypeError, ValueError):
            self.refuse(f"/{member}", "time", "must be a time of RFC 3339 such as 2026-01-31T09:00:00Z")
            return None
