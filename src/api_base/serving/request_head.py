"""Checks of a request's first line and of its `Host` that the parser leaves out [RFC 9112, sections 2.3, 3 and 3.2]."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from api_base.interface.middleware.production import EXEMPT
from api_base.serving.refusals import HOST_MISSING, MALFORMED, MISDIRECTED, OTHER_VERSION, Refusal

_SUPPORTED: Final = (b" HTTP/1.1", b" HTTP/1.0")
_SPACES: Final = 2
_VERSION: Final = re.compile(rb"[^ ]+ [^ ]+ HTTP/[0-9]\.[0-9]")
_HOST: Final = re.compile(rb"(\[[0-9a-f:.]+\]|[a-z0-9._~!$&'()*+,;=%-]+)(?::[0-9]*)?", re.IGNORECASE)
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)
_EXEMPT: Final = tuple(path.encode() for path in EXEMPT)
"""Probes address a process by its number, whatever the public name is."""


def refused_line(line: bytes) -> Refusal | None:
    """Return why a request line, without its line end, is refused; None if its version is supported."""
    if line.endswith(_SUPPORTED) and line.count(b" ") == _SPACES:
        return None
    return OTHER_VERSION if _VERSION.fullmatch(line) else MALFORMED


def authority_of(target: bytes) -> tuple[bytes, bytes] | None:
    """Return host with port, and path with query, of a target in absolute form; None for any other form."""
    found = _ABSOLUTE.match(target)
    if found is None:
        return None
    rest = target[found.end() :]
    return found[1], rest if rest.startswith(b"/") else b"/" + rest


class Hosts:
    """`allowed` are host names, addresses, or `*.` and a domain; empty for any host."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._names = frozenset(name.encode() for name in allowed if not name.startswith("*."))
        self._domains = tuple(name[1:].encode() for name in allowed if name.startswith("*."))
        self._refused = lru_cache(1024)(self._check)

    def refused(self, hosts: Sequence[bytes], target: bytes, *, required: bool) -> Refusal | None:
        """Return why a request is refused for its `Host` header lines. `required`: its version of HTTP requires one."""
        if len(hosts) == 1:
            refusal = self._refused(hosts[0])
        elif hosts or required:
            return HOST_MISSING
        else:
            refusal = MISDIRECTED if self._names or self._domains else None
        return None if refusal is MISDIRECTED and target.startswith(_EXEMPT) else refusal

    def _check(self, host: bytes) -> Refusal | None:
        found = _HOST.fullmatch(host)
        if found is None:
            return HOST_MISSING
        name = found[1].lower().rstrip(b".").strip(b"[]")
        allowed = name in self._names or name.endswith(self._domains) or not (self._names or self._domains)
        return None if allowed else MISDIRECTED
