"""Verify the trail in the database against the signed heads outside it."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api_base.application.audit.dtos import Checked
from api_base.application.audit.verify_audit import TrailVerification
from api_base.core.protocols import Clock
from api_base.infrastructure.audit.chain import HeadVerifier
from api_base.infrastructure.audit.checkpoints import CheckpointDirectory
from api_base.infrastructure.audit.trail import trail
from api_base.infrastructure.audit.verification import Finding, Verification
from api_base.infrastructure.db.pool import ConnectionPool

MAX_UNSEALED_AGE: Final = timedelta(hours=1)
"""Records that stay unsealed for longer are a finding: no sealer is running."""


class TrailVerifier(TrailVerification):
    """Implements `TrailVerification`. `pool` returns the pool of the role `worker`, `trusted` the trusted keys by thumbprint."""

    def __init__(
        self, pool: Callable[[], ConnectionPool], trusted: Callable[[], Mapping[str, Ed25519PublicKey]], checkpoints: Path, clock: Clock
    ) -> None:
        self._pool, self._trusted, self._checkpoints, self._clock = pool, trusted, checkpoints, clock

    async def findings(self, tenant: UUID | None, checked: Checked) -> AsyncIterator[Finding]:
        heads = (head for head in CheckpointDirectory(self._checkpoints).read() if tenant in (None, head.chain))
        async with trail(self._pool(), tenant) as opened:
            verification = Verification(HeadVerifier(self._trusted()), await opened.checkpoints(), heads)
            async for batch in opened.batches():
                for finding in verification.check(batch):
                    yield finding
            for finding in verification.finish():
                yield finding
            checked.unsealed, oldest = await opened.unsealed()
        checked.records, checked.chains = verification.records, verification.chains
        if oldest is not None and oldest < self._clock.now() - MAX_UNSEALED_AGE:
            detail = f"the oldest is of {oldest:%Y-%m-%d %H:%M:%S} UTC"
            yield Finding(kind="unsealed", chain=tenant, what=f"{checked.unsealed} records", detail=detail)
