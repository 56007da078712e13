"""Documents that were parsed and validated, kept within a number of bytes; and trusted documents.

A document that is used again moves from the first part of the cache to the second, which documents that are used once never displace. Only documents
of callers with a valid token are kept: others cannot displace anything.
"""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from graphql import DocumentNode

from api_base.core.errors import ConfigurationError
from api_base.interface.graphql.limits import Price

BYTES_PER_TOKEN: Final = 1_100
"""Memory of a parsed token with its nodes and locations, as measured (tests/unit/graphql)."""
_FIRST: Final = 0.2
"""Part of the bytes for documents that were used once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A valid document. `prices` are those of its operations by name. `size` estimates its memory, in bytes."""

    document: DocumentNode
    prices: Mapping[str, Price]
    size: int


class DocumentCache:
    """Least recently used documents leave first. `limit` is in bytes."""

    def __init__(self, limit: int) -> None:
        self._parts: tuple[OrderedDict[str, Prepared], OrderedDict[str, Prepared]] = OrderedDict(), OrderedDict()
        self._limits = int(limit * _FIRST), int(limit * (1 - _FIRST))
        self._sizes = [0, 0]

    def get(self, source: str) -> Prepared | None:
        """Return the document of this text."""
        once, again = self._parts
        found = again.get(source)
        if found is not None:
            again.move_to_end(source)
            return found
        found = once.pop(source, None)
        if found is not None:
            self._sizes[0] -= found.size
            self._add(1, source, found)
        return found

    def put(self, source: str, prepared: Prepared) -> None:
        """Keep a document that `get` did not return."""
        if source not in self._parts[0] and source not in self._parts[1]:
            self._add(0, source, prepared)

    def _add(self, part: int, source: str, prepared: Prepared) -> None:
        kept = self._parts[part]
        if prepared.size > self._limits[part]:
            return
        kept[source] = prepared
        self._sizes[part] += prepared.size
        while self._sizes[part] > self._limits[part]:
            _, removed = kept.popitem(last=False)
            self._sizes[part] -= removed.size

    @property
    def size(self) -> int:
        """Return the estimated bytes."""
        return sum(self._sizes)


def trusted_documents(path: Path) -> Mapping[str, str]:
    """Read the documents of a file by their identifiers. Raises `ConfigurationError` with what is wrong.

    A key is `sha256:<hex>`, whose document must have that hash, the bare hash, or another name without a colon.
    """
    try:
        content: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"GRAPHQL__TRUSTED_DOCUMENTS: {path} cannot be read as JSON: {error}.") from None
    if not isinstance(content, dict) or not content or not all(isinstance(value, str) for value in content.values()):
        raise ConfigurationError(f"GRAPHQL__TRUSTED_DOCUMENTS: {path} must be a JSON object from identifiers to documents.")
    for name, text in content.items():
        prefix, colon, payload = name.partition(":")
        if colon and (prefix != "sha256" or sha256(text.encode()).hexdigest() != payload):
            raise ConfigurationError(
                f"GRAPHQL__TRUSTED_DOCUMENTS: {name} is not the SHA-256 of its document, as sha256:<hex in lower case>."
            )
    return content
