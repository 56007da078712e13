"""JSON Pointers [RFC 6901] to what is wrong in a request."""

from collections.abc import Iterator, Sequence
from typing import Any


def pointer(*steps: str) -> str:
    """The pointer along `steps`, as `/query/name` or `/body/tags/0`."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def leading_through(document: Any, steps: Sequence[Any], *, absent: bool) -> Iterator[str]:
    """Those of pydantic's `steps` that lead through `document`: it also names the member of a union that it chose, which stands
    nowhere. `absent`: the last one is what is missing.
    """
    for position, step in enumerate(steps, 1):
        if (isinstance(document, dict) and step in document) or (isinstance(document, list) and isinstance(step, int)):
            document = document[step]
        elif not (absent and position == len(steps)):
            continue
        yield str(step)
