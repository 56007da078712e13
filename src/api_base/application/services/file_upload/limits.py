"""What uploads may take."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from api_base.core.errors import TooManyRequests
from api_base.core.types import current_context, request_tenant
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
    streams: int

    def check(self, size: int) -> None:
        """Raises `FileTooLarge`."""
        if size > self.max_bytes:
            raise FileTooLarge(self.max_bytes)


class Streams:
    """Bounds the uploads that one process reads at the same time, for each tenant and each client address."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: Counter[object] = Counter()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count the upload of the current request. Raises `TooManyRequests`."""
        keys = [key for key in (request_tenant(), current_context.get().address) if key]
        if any(self._open[key] >= self._limit for key in keys):
            raise TooManyRequests(
                f"{self._limit} uploads are running for this tenant or this address. Wait for one to end.", retry_after=1.0
            )
        self._open.update(keys)
        try:
            yield
        finally:
            self._open.subtract(keys)
            for key in keys:
                if self._open[key] <= 0:
                    del self._open[key]
