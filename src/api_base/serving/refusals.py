"""What a connection refuses before the application sees it, and the log of it: one line a minute, with counts."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from api_base.core.errors import ApiBaseError
from api_base.core.shared.logging import get_logger
from api_base.interface.errors.http import (
    BadRequest,
    HeaderTooLarge,
    MisdirectedRequest,
    Overloaded,
    SlowRequest,
    TargetTooLong,
    VersionNotSupported,
)

logger = get_logger(__name__)

LOG_INTERVAL: Final = 60.0
"""Seconds between two log lines."""


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    """`reason` is its name in the log; `error` becomes the answer."""

    reason: str
    error: ApiBaseError


MALFORMED: Final = Refusal("malformed", BadRequest("The request is not valid HTTP/1.1 [RFC 9112]. The connection closes."))
HOST_MISSING: Final = Refusal(
    "host", BadRequest("A request in HTTP/1.1 needs exactly one Host header, with a valid host [RFC 9112, section 3.2].")
)
MISDIRECTED: Final = Refusal(
    "other_host", MisdirectedRequest("This server does not serve the host of the request. Use the public host name of the API.")
)
OTHER_VERSION: Final = Refusal("http_version", VersionNotSupported("This server supports HTTP/1.1 and HTTP/1.0. Send HTTP/1.1."))
TARGET_TOO_LONG: Final = Refusal("target_too_long", TargetTooLong("The path and query are too long. Send a shorter one."))
HEADER_TOO_LARGE: Final = Refusal(
    "header_too_large", HeaderTooLarge("The header section has too many bytes or fields. Send fewer headers.")
)
SLOW_HEADER: Final = Refusal("slow_header", SlowRequest("The header section did not arrive in time. Send the request again."))
SLOW_BODY: Final = Refusal("slow_body", SlowRequest("The next part of the body did not arrive in time. Send the request again."))
OVERLOADED: Final = Refusal("overloaded", Overloaded("The server has more requests than it can work on. Try again after 1 s."))
TOO_MANY_CONNECTIONS: Final = Refusal(
    "too_many_connections", Overloaded("The server has too many open connections. Close those that you do not need, or try again later.")
)
STOPPING: Final = Refusal("stopping", Overloaded("The server stops, and had no time to finish the request. Send it again."))


class RefusalLog:
    """Counts refusals by reason. `write` is called regularly."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._written_at = float("-inf")

    def count(self, reason: str) -> None:
        """Count one refusal, or one connection that was closed for `reason`."""
        self._counts[reason] += 1

    def write(self, now: float) -> None:
        """Log what was counted since the last line, unless that is less than a minute ago. `now`: seconds on a monotonic clock."""
        if self._counts and now >= self._written_at + LOG_INTERVAL:
            logger.warning("requests_refused", counts=dict(self._counts))
            self._counts.clear()
            self._written_at = now
