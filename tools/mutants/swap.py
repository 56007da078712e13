"""Exchanges the code of functions in a running process, so that a changed file need not be imported again.

What runs when a module is imported cannot be exchanged: the code of modules and classes, defaults, and functions that were called then.
"""

import gc
import inspect
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Final

_TOOL: Final = sys.monitoring.PROFILER_ID
type Place = tuple[str, str, int]
"""Where a function is written: file, qualified name and first line."""


def _place(code: CodeType) -> Place:
    return code.co_filename, code.co_qualname, code.co_firstlineno


class Swapper:
    """`source` is the folder of the files. Make it before the first import."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._called: set[Place] = set()
        self._functions: defaultdict[Place, list[FunctionType]] = defaultdict(list)
        sys.monitoring.use_tool_id(_TOOL, "mutants")
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.PY_START, self._note)
        sys.monitoring.set_events(_TOOL, sys.monitoring.events.PY_START)

    def _note(self, code: CodeType, _offset: int) -> object:
        if code.co_filename.startswith(self._source):
            self._called.add(_place(code))
        return sys.monitoring.DISABLE

    def imported(self) -> None:
        """Everything has been imported: what is called from now on may be exchanged."""
        sys.monitoring.set_events(_TOOL, sys.monitoring.events.NO_EVENTS)
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.PY_START, None)
        sys.monitoring.free_tool_id(_TOOL)
        sys.monitoring.restart_events()  # the next tool under this id hears of these functions again
        gc.unfreeze()  # objects that the tests froze are not listed
        for found in gc.get_objects():
            if type(found) is FunctionType and found.__code__.co_filename.startswith(self._source):
                self._functions[_place(found.__code__)].append(found)

    def swap(self, changes: Mapping[str, tuple[bytes, bytes]]) -> bool:
        """Exchange what differs between the two sources of each file. False if that needs an import."""
        try:
            pairs = [
                pair for file, (before, after) in changes.items() for pair in _changed(_compiled(before, file), _compiled(after, file))
            ]
            for old, new in pairs:
                if _place(old) in self._called or not self._functions[_place(old)]:
                    return False
                for function in self._functions[_place(old)]:
                    function.__code__ = new
        except (NeedsImport, SyntaxError, ValueError):
            return False
        return True


class NeedsImport(Exception):
    """Code that runs at import differs."""


def _compiled(source: bytes, file: str) -> CodeType:
    return compile(source, file, "exec", dont_inherit=True)


def _changed(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """The functions that differ, old and new, of the bodies `old` and `new` of a module or a class."""
    if old.co_code != new.co_code or old.co_names != new.co_names or len(old.co_consts) != len(new.co_consts):
        raise NeedsImport
    for before, after in zip(old.co_consts, new.co_consts, strict=True):
        if isinstance(before, CodeType) and isinstance(after, CodeType):
            if not before.co_flags & inspect.CO_OPTIMIZED:
                yield from _changed(before, after)
            elif before != after:
                yield before, after
        elif type(before) is not type(after) or before != after:
            raise NeedsImport
