"""References within a document."""

from collections.abc import Mapping
from typing import Any


def resolved(document: Mapping[str, Any], part: Any) -> Any:
    """Return what `part` of a document refers to by `$ref` [RFC 6901]; `part` itself if it is no reference. Raises `KeyError` for a reference to nothing."""
    while "$ref" in part:
        found: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        part = found
    return part
