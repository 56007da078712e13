"""JSON Pointers [RFC 6901] to the invalid parts of a request."""

from collections.abc import Iterator, Sequence
from typing import Any


def pointer(*steps: str) -> str:
    """Return the pointer along `steps`, such as `/query/name` or `/body/tags/0`."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def leading_through(document: Any, steps: Sequence[Any], *, absent: bool) -> Iterator[str]:
    """Return those of pydantic's `steps` that exist in `document`: pydantic also adds the chosen member of a union.

    `absent`: the last step is a missing field.
    """
    for position, step in enumerate(steps, 1):
        if (isinstance(document, dict) and step in document) or (isinstance(document, list) and isinstance(step, int)):
            document = document[step]
        elif not (absent and position == len(steps)):
            continue
        yield str(step)
