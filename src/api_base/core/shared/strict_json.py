"""Parse JSON as I-JSON [RFC 7493]: names differ, and every number has a value that JSON can express again."""

import json
import re
from typing import Final

from jiter import from_json

_MAYBE_INFINITE: Final = re.compile(rb"[eE]\+?[0-9]{3}|(?<![0-9])[0-9]{200,}+[.eE]")
"""In a number that the parser reads as infinity."""


def strict_json(raw: bytes) -> object:
    """Return the value of a document of bounded depth. Raises `ValueError`, whose message `json_reason` translates."""
    value = from_json(raw, allow_inf_nan=False, catch_duplicate_keys=True)
    if _MAYBE_INFINITE.search(raw):
        json.dumps(value, allow_nan=False)
    return value
