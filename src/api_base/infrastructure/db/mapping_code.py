"""What the functions of a `TableMapping` write and read, as far as their code tells, for the check at start."""

import dis
from collections.abc import Sequence
from inspect import signature
from itertools import pairwise
from operator import attrgetter
from types import FunctionType
from typing import Any


def attributes_read(to_row: Any) -> Sequence[str]:
    """Return the attributes that `row_of(…)` reads; none for another function."""
    return to_row.__reduce__()[1] if isinstance(to_row, attrgetter) else ()


def values_written(to_row: Any) -> int | None:
    """Return the number of values in a row; None if the code does not tell."""
    if isinstance(to_row, attrgetter):
        return len(attributes_read(to_row))
    if not isinstance(to_row, FunctionType):
        return None
    returned = [before for before, after in pairwise(dis.get_instructions(to_row)) if after.opname == "RETURN_VALUE"]
    sizes = {one.arg if one.opname == "BUILD_TUPLE" else None for one in returned}
    return sizes.pop() if len(sizes) == 1 else None


def columns_read(from_row: Any) -> Sequence[str]:
    """Return the columns that `restored(…)` reads; for another function the literals in its `row["…"]`."""
    if hasattr(from_row, "__wrapped__"):
        return [name for name in signature(from_row.__wrapped__).parameters if not name.startswith("_")]
    if not isinstance(from_row, FunctionType) or not from_row.__code__.co_argcount:
        return ()
    row, code = from_row.__code__.co_varnames[0], list(dis.get_instructions(from_row))
    return [
        key.argval
        for loaded, key, subscript in zip(code, code[1:], code[2:], strict=False)
        if subscript.opname == "BINARY_SUBSCR" and isinstance(key.argval, str) and key.opname == "LOAD_CONST" and loaded.argval == row
    ]
