"""Repositories of feature flags and of proposals."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from api_base.core.protocols import AsyncRepository
from api_base.domain.flags.entities import FeatureFlag
from api_base.domain.flags.proposal import FlagProposal


class FlagRepository(AsyncRepository[FeatureFlag, UUID], Protocol):
    """`get` and `by_key` raise `FlagUnreadable` for a stored flag that is not valid."""

    async def by_key(self, key: str) -> FeatureFlag | None: ...

    async def readable(self) -> Sequence[FeatureFlag]:
        """All flags that are not archived, without those whose stored definition is not valid, and those that need one of these."""
        ...


class ProposalRepository(AsyncRepository[FlagProposal, UUID], Protocol):
    """Proposals of all flags."""
