"""Whether the clock of this machine agrees with PostgreSQL's, by which rows, leases and schedules are dated.

Where machines disagree, one refuses the access tokens of another as expired, or as not valid yet.
"""

import time
from typing import Final

from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.connecting import Connection

logger = get_logger(__name__)

TOLERANCE_SECONDS: Final = 5.0
"""As much as access tokens tolerate."""


async def seconds_ahead(connection: Connection) -> float:
    """Return by how many seconds this machine's clock is ahead of the server's, negative if it is behind; 0 if the answer was too slow to tell."""
    before = time.time()
    server: float = await connection.fetchval("select extract(epoch from clock_timestamp())::float8")
    after = time.time()
    return max(0.0, before - server) or min(0.0, after - server)


def complaint(ahead: float) -> str | None:
    """Return what to tell an operator about a clock that is `ahead` seconds, or None if the difference is tolerable."""
    if abs(ahead) <= TOLERANCE_SECONDS:
        return None
    return (
        f"the clock of this machine is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} PostgreSQL's; synchronise both by NTP: "
        "other machines refuse the access tokens of this one, or it theirs"
    )


class ClockWatch:
    """Logs when the clocks begin to disagree, and when they agree again."""

    def __init__(self) -> None:
        self._wrong = False

    def note(self, ahead: float) -> None:
        """Take note of a comparison, which was made by `seconds_ahead`."""
        found = complaint(ahead)
        if found is not None and not self._wrong:
            logger.warning("clock_wrong", reason=found, seconds=round(ahead))
        elif found is None and self._wrong:
            logger.info("clock_right_again")
        self._wrong = found is not None
