"""Lets coverage measure branches by the events of the interpreter [PEP 669] on Python 3.12 and 3.13, as it does itself from 3.14 on.

An event ends with its first report, so a test takes little longer than without coverage. The trace function, which is coverage's choice for
these versions, doubles the CPU time, and loses what runs after a switch of greenlets. These versions report both ways of a branch as one
event, which ends here when both were taken, and no branch of `async for`: its instructions are seen instead. It is a plugin of coverage, which
finds it by PYTHONPATH, in the programs that the tests start too. Such a program measures functions and its main module only: what an import
executes, the process of the tests has measured, and measuring it again in each program takes longer than the import.
"""

import dis
import inspect
import sys
import threading
from types import CodeType
from typing import Final

import coverage.bytecode
import coverage.core
import coverage.env
from coverage.sysmon import DISABLE, MonitorReturn, SysMonitor

_NEXT, _RECEIVED, _END = (dis.opmap[name] for name in ("GET_ANEXT", "END_SEND", "END_ASYNC_FOR"))
"""`async for` asks its iterator, has received an item, or handles what the iterator raised: it goes on if that was StopAsyncIteration."""
_NOTHING: Final = (frozenset[int](), frozenset[int]())


class BranchMonitor(SysMonitor):
    """Coverage's monitor for lines, with the events of branches."""

    def __init__(self) -> None:
        super().__init__()
        self._taken: dict[tuple[int, int], int] = {}
        """The first destination of a branch, by the identity of its code, which `code_objects` keeps, and its offset."""
        self._loops: dict[int, tuple[frozenset[int], frozenset[int]]] = {}
        """The offsets at which `async for` has received an item and at which it ends, by the identity of the code."""
        self._ending = threading.local()

    def start(self) -> None:
        self.trace_arcs = False  # it would ask for events of Python 3.14
        super().start()
        events = sys.monitoring.events
        for event, callback in (
            (events.LINE, self.sysmon_line_arcs),
            (events.PY_RETURN, self.sysmon_py_return),
            (events.BRANCH, self._branch),
            (events.INSTRUCTION, self._instruction),
        ):
            sys.monitoring.register_callback(self.myid, event, callback)

    def sysmon_py_start(self, code: CodeType, instruction_offset: int) -> MonitorReturn:
        if _only_imported(code):
            return DISABLE
        new = id(code) not in self.code_infos
        if self.should_trace_cache.get(code.co_filename) is None:  # what follows would take this frame for the caller's
            self.should_trace_cache[code.co_filename] = self.should_trace(code.co_filename, sys._getframe(1))
        answer = super().sysmon_py_start(code, instruction_offset)
        info = self.code_infos.get(id(code))
        if new and info is not None and info.tracing:
            info.byte_to_line = coverage.bytecode.bytes_to_lines(code)
            self._loops[id(code)] = loops = _async_loops(code)
            events = sys.monitoring.events
            wanted = events.LINE | events.PY_RETURN | events.BRANCH | (0 if loops == _NOTHING else events.INSTRUCTION)
            with self.lock:
                if self.sysmon_on:
                    sys.monitoring.set_local_events(self.myid, code, wanted)
        return answer

    def _branch(self, code: CodeType, offset: int, destination: int) -> MonitorReturn:
        place = id(code), offset
        first = self._taken.get(place)
        if first == destination:
            return None
        self.sysmon_branch_either(code, offset, destination)
        self._taken.setdefault(place, destination)
        return None if first is None else DISABLE

    def _instruction(self, code: CodeType, offset: int) -> MonitorReturn:
        received, ends = self._loops[id(code)]
        before = getattr(self._ending, "place", None)
        self._ending.place = (id(code), offset) if offset in ends else None
        if offset in received:
            self.sysmon_branch_either(code, offset, offset + 2)
        if before == (id(code), offset - 2):
            self.sysmon_branch_either(code, offset - 2, offset)
            return DISABLE
        return None if offset in ends or offset - 2 in ends else DISABLE


def _only_imported(code: CodeType) -> bool:
    """Whether the code is the body of a module or of a class that a program imports which runs no tests."""
    if code.co_flags & inspect.CO_OPTIMIZED or "pytest_cov" in sys.modules:
        return False
    return sys._getframe(2).f_globals.get("__name__") != "__main__"


def _async_loops(code: CodeType) -> tuple[frozenset[int], frozenset[int]]:
    """The offsets of `_RECEIVED`, the first after each `_NEXT`, and of `_END`."""
    operations = code.co_code[::2]
    received = {2 * operations.index(_RECEIVED, place) for place, operation in enumerate(operations) if operation == _NEXT}
    return frozenset(received), frozenset(2 * place for place, operation in enumerate(operations) if operation == _END)


if not coverage.env.PYBEHAVIOR.branch_right_left:
    coverage.env.PYBEHAVIOR.branch_right_left = coverage.env.SYSMON_DEFAULT = True
    coverage.core.SysMonitor = BranchMonitor
    coverage.bytecode.RETURNS.add(dis.opmap["RETURN_CONST"])


def coverage_init(registry: object, options: object) -> None:
    """What coverage demands of a plugin. The import has done everything."""
