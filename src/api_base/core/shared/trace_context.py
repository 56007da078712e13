"""What one process passes on of a trace: `traceparent`, `tracestate` [W3C Trace Context, level 1] and `baggage` [W3C Baggage].

Whatever comes from outside is validated and bounded. `tracestate` is opaque and passed on unchanged; of `baggage` only the keys that
`OBSERVABILITY__BAGGAGE_KEYS` lists are kept.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from api_base.core.types import parent_of

MAX_TRACESTATE: Final = 512
"""Characters [W3C Trace Context, section 3.3.1.5]; a longer one is dropped."""
MAX_TRACESTATE_MEMBERS: Final = 32
MAX_BAGGAGE: Final = 8192
"""Bytes of a baggage that is read [W3C Baggage, section 3.3.2]; a longer one is dropped."""
MAX_BAGGAGE_MEMBERS: Final = 64
MAX_KEPT_BAGGAGE: Final = 1024
"""Characters of the members that are kept; those beyond it are dropped."""

_STATE_MEMBER: Final = re.compile(
    r"((?:[a-z][a-z0-9_*/-]{0,255})|(?:[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}))"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
).fullmatch
_BAGGAGE_MEMBER: Final = re.compile(
    r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*)[ \t]*(?:;.*)?", re.DOTALL
).fullmatch
_kept_keys: set[str] = set()


def keep_baggage(keys: Iterable[str]) -> None:
    """Keep the members of `baggage` with these keys, in this process. Called at start; at first none are kept."""
    _kept_keys.clear()
    _kept_keys.update(keys)


class TraceContext(NamedTuple):
    """Text values; what is absent is empty. As one text, in the rows of jobs and events, they are lines: `str` writes, `parse` reads them."""

    traceparent: str = ""
    tracestate: str = ""
    baggage: str = ""

    @classmethod
    def parse(cls, text: str) -> "TraceContext":
        """Read what `str` or `RequestContext.propagated` wrote."""
        traceparent, _, rest = text.partition("\n")
        tracestate, _, baggage = rest.partition("\n")
        return cls(traceparent, tracestate, baggage)

    @classmethod
    def received(cls, traceparent: object, tracestate: object, baggage: object) -> "TraceContext":
        """Validate what another process sent, as texts or bytes; anything else is ignored. Without a valid `traceparent` there is no `tracestate`."""
        parent = _text(traceparent)
        if parent_of(parent.encode("latin-1", "replace")) is None:
            return cls("", "", baggage_of(_text(baggage)))
        return cls(parent, tracestate_of(_text(tracestate)), baggage_of(_text(baggage)))

    def __str__(self) -> str:
        return "\n".join(self).rstrip("\n")

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers to send, without empty ones."""
        return [(name, value) for name, value in self._asdict().items() if value]


def tracestate_of(text: str) -> str:
    """Return a valid `tracestate`, without empty members; an empty text for one that is malformed, too long, or names a key twice."""
    if not text or len(text) > MAX_TRACESTATE:
        return ""
    members = [member for one in text.split(",") if (member := one.strip(" \t"))]
    found = [_STATE_MEMBER(member) for member in members]
    keys = {match[1] for match in found if match is not None}
    return ",".join(members) if len(keys) == len(members) <= MAX_TRACESTATE_MEMBERS else ""


def baggage_of(text: str) -> str:
    """Return the members to keep, without their properties. Malformed members, and all of a baggage that is too large, are dropped."""
    if not text or not _kept_keys or len(text) > MAX_BAGGAGE:
        return ""
    members = text.split(",")
    if len(members) > MAX_BAGGAGE_MEMBERS:
        return ""
    kept: dict[str, str] = {}
    size = 0
    for match in map(_BAGGAGE_MEMBER, members):
        if match is not None and match[1] in _kept_keys and match[1] not in kept:
            size += len(match[1]) + len(match[2]) + 2
            if size <= MAX_KEPT_BAGGAGE:
                kept[match[1]] = match[2]
    return ",".join(f"{key}={value}" for key, value in kept.items())


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else ""
