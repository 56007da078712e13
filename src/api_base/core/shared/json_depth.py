"""The depth of JSON documents, bounded before they are parsed."""

import re
from typing import Final

MAX_DEPTH: Final = 32
"""Levels of arrays and objects in a document from outside."""
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""Possessive, so that matching takes linear time for any input."""
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def too_deep(raw: bytes) -> bool:
    """Return whether brackets outside strings are nested more than `MAX_DEPTH` levels deep.

    Each round removes the innermost pairs in one call, since a batch may be long.
    """
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", raw).translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    return brackets.count(b"[") > 0 and b"[]" in brackets
