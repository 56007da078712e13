"""Runs every parser under callgrind: `python -m benchmarks.parser_instructions`. The instrumentation is off until all modules are imported.

Each parser gets an empty input and inputs of n, 2n and 4n. `getppid` before and after each run makes callgrind write what it counted so far.
"""

import gc
import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from api_base.core.errors import ApiBaseError
from api_base.core.types import NO_REQUEST, current_context
from benchmarks.counted import control
from tests.parsers import LONG, MARKS, PARSERS, ROWS, Parser

SIZES: Final = (0, 1, 2, 4)
"""Multiples of n."""


def _counted(text: str) -> object:
    parts = text.split(",")
    return [part for part in parts if parts.count(part) > 1]


def _known(text: str) -> object:
    found: list[str] = []
    found.extend(part for part in text.split(",") if part not in found)
    return found


def _appended(text: str) -> object:
    parts = [b""]
    for character in text.encode():
        parts[0] = parts[0] + b"%c" % character
    return parts


SQUARES: Final[Mapping[str, Parser]] = {
    "a count of each part": Parser(_counted, "c#,", start=ROWS),
    "a search in a list": Parser(_known, "c#,", start=ROWS),
    "bytes that are copied for each byte": Parser(_appended, "x", start=LONG),
    "a sort of combining marks": Parser(lambda text: unicodedata.normalize("NFC", text), MARKS),
    "a regular expression that tries every split": Parser(lambda text: re.fullmatch(r"\s*\s*x", text), " "),
    "a regular expression that searches from every place": Parser(lambda text: re.search(r"\s+x", text), " "),
    "a rest that is copied for each part": Parser(
        lambda text: [text[at:].partition(",") for at in range(0, len(text), 2)], "a,", start=4000
    ),
}
"""Parsers whose work grows with the square of the input, most of it in C: the measure has to see each."""
MEASURED: Final[Mapping[str, Parser]] = {**PARSERS, **SQUARES}


def main() -> None:
    """Run all in the order of `MEASURED`."""
    current_context.set(NO_REQUEST)
    mark: Callable[[], int] = os.getppid
    gc.disable()
    control("-i", "on")
    for parser in MEASURED.values():
        _run(parser, parser.make(parser.start // 2))  # what is done once does not count
        for size in SIZES:
            content = parser.make(size * parser.start)
            mark()
            _run(parser, content)
            mark()


def _run(parser: Parser, content: str) -> None:
    with suppress(ApiBaseError):
        parser.parse(content)


if __name__ == "__main__":
    main()
