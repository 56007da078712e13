"""What uploads may take."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from api_base.core.errors import TooManyRequests, Unavailable
from api_base.core.types import current_context
from api_base.domain.files.errors import FileTooLarge

INLINE_BYTES: Final = 4 * 1_048_576
"""Up to this size a file is checked before the request that completes it is answered. A larger one is left to a job."""

INLINE_CHECK: Final = timedelta(seconds=30)
"""How long the job of a small file waits for that request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """`max_bytes` is for one file, `lifetime` for an upload that is not completed."""

    max_bytes: int
    lifetime: timedelta

    def check(self, size: int) -> None:
        """Raises `FileTooLarge`."""
        if size > self.max_bytes:
            raise FileTooLarge(self.max_bytes)


class Streams:
    """Bounds the uploads that one process reads at the same time: `in_all`, and `each` for one tenant and for one client address.

    Each holds at most one part in memory. `gauge` sets a figure of the metrics.
    """

    def __init__(self, each: int, in_all: int, gauge: Callable[[str, float], None]) -> None:
        self._limit, self._most, self._gauge = each, in_all, gauge
        self._open: Counter[object] = Counter()
        self._all = self._refused = 0
        gauge("uploads_open", 0)
        gauge("uploads_refused_total", 0)

    @contextmanager
    def one(self, tenant: UUID | None = None) -> Iterator[None]:
        """Count the upload of the current request, by default for its tenant. Raises `TooManyRequests`, and `Unavailable` if the process reads too many."""
        keys = [key for key in (tenant or current_context.get().tenant_id, current_context.get().address) if key]
        self._admit(keys)
        self._open.update(keys)
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)
            self._open.subtract(keys)
            for key in keys:
                if self._open[key] <= 0:
                    del self._open[key]

    def _admit(self, keys: Sequence[object]) -> None:
        if any(self._open[key] >= self._limit for key in keys):
            raise TooManyRequests(
                f"{self._limit} uploads are running for this tenant or this address. Wait for one to end.", retry_after=1.0
            )
        if self._all >= self._most:
            self._refused += 1
            self._gauge("uploads_refused_total", self._refused)
            raise Unavailable("The server reads as many uploads as it can. Try again.", reason=f"{self._all} uploads are open")

    def _count(self, change: int) -> None:
        self._all += change
        self._gauge("uploads_open", self._all)
