"""Documents that were parsed and validated, kept within a number of bytes; and trusted documents.

A document that is used again moves from the first part of the cache to the second, which documents that are used once never displace. Only documents
of callers with a valid token are kept: others cannot displace anything.
"""

import json
import re
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


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    """A document of the file, and the place of its identifier there, for errors."""

    text: str
    place: str


def trusted_documents(path: Path) -> Mapping[str, TrustedDocument]:
    """Read the documents of a file by their identifiers. Raises `ConfigurationError` with the file, the line and what is wrong.

    A key is `sha256:<hex>`, whose document must have that hash, or another name without a colon.
    """
    try:
        source = path.read_text("utf-8")
        pairs: Any = json.loads(source, object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{_SETTING}: {path}, line {error.lineno}: it is not JSON: {error.msg}.") from None
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{_SETTING}: {path} cannot be read: {error}.") from None
    if not isinstance(pairs, list) or not pairs or not source.lstrip().startswith("{"):
        raise ConfigurationError(f"{_SETTING}: {path}, line 1: it must be a JSON object from identifiers to documents.")
    lines, found = _lines(source), dict[str, TrustedDocument]()
    for name, text in pairs:
        document = TrustedDocument(text, f"{_SETTING}: {path}, line {lines.get(name, 1)}: the document {name[:100]}")
        if reason := _reason(name, text, found):
            raise ConfigurationError(f"{document.place} {reason}.")
        found[name] = document
    return found


def _reason(name: str, text: Any, found: Mapping[str, TrustedDocument]) -> str | None:
    """Return what is wrong with an entry."""
    if name in found:
        return "occurs twice"
    if not isinstance(text, str):
        return "must be a text"
    prefix, colon, payload = name.partition(":")
    if colon and (prefix != "sha256" or sha256(text.encode("utf-8", "surrogatepass")).hexdigest() != payload):
        return "is not named by its SHA-256, as sha256:<hex in lower case>, or by a name without a colon"
    return None


def _lines(source: str) -> Mapping[str, int]:
    """Return the line of the last entry with each identifier: JSON does not say where a value was."""
    found, line, last = dict[str, int](), 1, 0
    for match in re.finditer(r'("(?:[^"\\]|\\.)*+")\s*(:?)', source):
        line, last = line + source.count("\n", last, match.start()), match.start()
        if match[2]:
            found[json.loads(match[1])] = line
    return found


_SETTING: Final = "GRAPHQL__TRUSTED_DOCUMENTS"
