"""Reasons why a text is not JSON, for the parsers of pydantic and the standard library. Their own messages never leave the process."""

import re
from collections.abc import Mapping
from typing import Final

_COMMA: Final = "a comma or a closing bracket is missing"
_CUT_OFF: Final = "the text ends too early"
_ESCAPE: Final = "a backslash does not start a valid escape"
_NAME: Final = "a name in double quotes is missing"
REPEATED_NAME: Final = "Detected duplicate key"
_SURROGATE: Final = "an escape is only half of a surrogate pair"
_TRAILING_COMMA: Final = "a comma precedes a closing bracket"
_VALUE: Final = "a value is missing"

REASONS: Final[Mapping[str, str]] = {
    REPEATED_NAME: "an object has two members of one name",
    "EOF while parsing": _CUT_OFF,
    "Expecting ',' delimiter": _COMMA,
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting property name": _NAME,
    "Expecting value": _VALUE,
    "Extra data": "more text follows the JSON value",
    "Illegal trailing comma": _TRAILING_COMMA,
    "Invalid \\": _ESCAPE,
    "Invalid control character": "a control character is not written as an escape",
    "Unexpected UTF-8 BOM": "a byte order mark precedes the JSON value",
    "Unterminated string": _CUT_OFF,
    "control character": "a control character is not written as an escape",
    "expected `,`": _COMMA,
    "expected `:`": "a colon is missing",
    "expected ident": "a word is not true, false or null",
    "expected value": _VALUE,
    "invalid escape": _ESCAPE,
    "invalid number": "a number is malformed",
    "invalid unicode": "the text is not UTF-8",
    "key must be a string": _NAME,
    "lone leading surrogate": _SURROGATE,
    "number out of range": "a number has too many digits",
    "recursion limit": "it is nested too deeply",
    "trailing characters": "more text follows the JSON value",
    "trailing comma": _TRAILING_COMMA,
    "unexpected end of hex escape": _SURROGATE,
}
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
