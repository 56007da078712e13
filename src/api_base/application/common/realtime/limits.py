"""How much the hub of a process holds, and what it counts."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeLimits:
    """How much a process holds. `channels` are those of one session, `recovered` the events that a subscription may recover."""

    channels: int
    recovered: int
    sessions: int
    sessions_per_user: int
    sessions_per_address: int


@dataclass(slots=True, kw_only=True)
class RealtimeFigures:
    """Counts since the start, for the metrics."""

    resets: int = 0
    recovered: int = 0
    refused: int = 0
    slow: int = 0
    """Streams that ended because their clients read too slowly."""
    queued: int = 0
    """Messages that wait in streams."""
    ended: Counter[str] = field(default_factory=Counter)
