"""Reasons why a text is not JSON, for the parsers of pydantic and the standard library. Their own messages never leave the process."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

REPEATED_NAME: Final = "Detected duplicate key"
_BEGINNINGS: Final[Mapping[str, Sequence[str]]] = {
    "a backslash does not start a valid escape": ("Invalid \\", "invalid escape"),
    "a byte order mark precedes the JSON value": ("Unexpected UTF-8 BOM",),
    "a colon is missing": ("Expecting ':' delimiter", "expected `:`"),
    "a comma or a closing bracket is missing": ("Expecting ',' delimiter", "expected `,`"),
    "a comma precedes a closing bracket": ("Illegal trailing comma", "trailing comma"),
    "a control character is not written as an escape": ("Invalid control character", "control character"),
    "a name in double quotes is missing": ("Expecting property name", "key must be a string"),
    "a number has too many digits": ("number out of range",),
    "a number is beyond 64-bit floating point": ("Out of range float values",),
    "a number is malformed": ("invalid number",),
    "a value is missing": ("Expecting value", "expected value"),
    "a word is not true, false or null": ("expected ident",),
    "an escape is only half of a surrogate pair": ("lone leading surrogate", "unexpected end of hex escape"),
    "an object has two members of one name": (REPEATED_NAME,),
    "it is nested too deeply": ("recursion limit",),
    "more text follows the JSON value": ("Extra data", "trailing characters"),
    "the text ends too early": ("EOF while parsing", "Unterminated string"),
    "the text is not UTF-8": ("invalid unicode",),
}

REASONS: Final[Mapping[str, str]] = {beginning: reason for reason, group in _BEGINNINGS.items() for beginning in group}
"""The message by the beginning of the parser's message."""

_POSITION: Final = re.compile(r" at line (\d+) column (\d+)$")


def json_reason(parser_message: str) -> str:
    """Translate a parser's message, with the position if the message ends in one.

    >>> json_reason("expected value at line 1 column 7")
    'a value is missing at line 1, column 7'
    """
    reason = next((words for beginning, words in REASONS.items() if parser_message.startswith(beginning)), "the syntax is wrong")
    position = _POSITION.search(parser_message)
    return f"{reason} at line {position[1]}, column {position[2]}" if position else reason
