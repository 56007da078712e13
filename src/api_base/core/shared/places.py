"""Where something is declared, as `file:line`, for messages about it."""

import os
import sys
from traceback import walk_tb
from types import CodeType, FrameType
from typing import Any, Final, Self

_MACHINERY: Final = frozenset({__name__, "dataclasses", "typing", "functools"})
"""Modules between a declaration and the frame that notes it. The code that `dataclass` generates has the module of its class and no file."""
_MARK: Final = "DECLARES_FOR_ITS_CALLERS"
"""The global of a module whose functions make declarations for others: these are declared where the function is called."""


class Declaration:
    """The base of a dataclass that remembers where it was created, outside the module of its class: `declared_at`, and `declared_in`, the module."""

    __slots__ = ("declared_at", "declared_in")
    declared_at: str
    declared_in: str

    def __post_init__(self) -> None:
        frame = _caller(type(self).__module__)
        object.__setattr__(self, "declared_at", at(frame.f_code.co_filename, frame.f_lineno))
        object.__setattr__(self, "declared_in", frame.f_globals.get("__name__", ""))

    def made_for(self, other: "Declaration") -> Self:
        """Return this declaration, which was made for `other`, with the place of that."""
        object.__setattr__(self, "declared_at", other.declared_at)
        object.__setattr__(self, "declared_in", other.declared_in)
        return self


def caller(module: str) -> str:
    """Return the place of the nearest caller outside `module`."""
    frame = _caller(module)
    return at(frame.f_code.co_filename, frame.f_lineno)


def _caller(module: str) -> FrameType:
    frame = sys._getframe(1)
    while frame.f_back is not None and (
        frame.f_globals.get("__name__") in {*_MACHINERY, module} or _MARK in frame.f_globals or frame.f_code.co_filename.startswith("<")
    ):
        frame = frame.f_back
    return frame


def place_of(thing: Any) -> str:
    """Return where a class or a function is defined; for another object, its class. What is made for a declaration has the place of that: `declared_at`."""
    thing = getattr(thing, "__func__", thing)
    if isinstance(made := getattr(thing, "__dict__", {}).get("declared_at"), str):
        return made
    while hasattr(thing, "__wrapped__"):
        thing = thing.__wrapped__
    code = getattr(thing, "__code__", None)
    if isinstance(code, CodeType):
        return at(code.co_filename, code.co_firstlineno)
    cls = thing if isinstance(thing, type) else type(thing)
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return at(file or cls.__module__, getattr(cls, "__firstlineno__", 1))


def at(file: str, line: int) -> str:
    """Return `file:line`; a file below the working directory by its relative path."""
    here = os.getcwd() + os.sep
    return f"{file.removeprefix(here)}:{line}"


def raised_at(error: BaseException, module: str) -> str:
    """Return the last place in the package of `module` that the error passed, or where it was raised. For code that is no Python, its place."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return at(error.filename, error.lineno or 1)
    package, frames = module.partition(".")[0], list(walk_tb(error.__traceback__))
    own = [one for one in frames if str(one[0].f_globals.get("__name__")).partition(".")[0] == package]
    frame, line = (own or frames)[-1]
    return at(frame.f_code.co_filename, line)
