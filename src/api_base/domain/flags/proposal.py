"""A change of a protected flag, which another administrator approves or rejects."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.types import UserId
from api_base.domain.common.json_difference import Difference, differences
from api_base.domain.flags.entities import FeatureFlag
from api_base.domain.flags.errors import FlagNotProtected, ProposalDecided, ProposalOutdated, SecondPersonRequired
from api_base.domain.flags.settings import FlagSettings


class ProposalStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(slots=True, kw_only=True, eq=False)
class FlagProposal(AggregateRoot):
    """`settings` are those that the flag is to have, if it is still at `flag_version`; `changes` is their difference from that version."""

    flag_id: UUID
    flag_version: int
    settings: FlagSettings
    changes: tuple[Difference, ...]
    status: ProposalStatus = ProposalStatus.PENDING
    proposed_by: UserId
    decided_by: UserId | None = None
    created_at: datetime
    decided_at: datetime | None = None

    @classmethod
    def make(cls, *, id: UUID, flag: FeatureFlag, settings: FlagSettings, by: UserId, now: datetime) -> Self:
        """Propose `settings` for a protected flag at its current version. Raises `FlagNotProtected`."""
        if not flag.settings.protected:
            raise FlagNotProtected(flag.key)
        changes = tuple(differences(flag.settings.document(), settings.document()))
        return cls(id=id, flag_id=flag.id, flag_version=flag.version, settings=settings, changes=changes, proposed_by=by, created_at=now)

    def approve(self, flag: FeatureFlag, by: UserId, now: datetime) -> None:
        """Change the flag. Raises `ProposalDecided`, `SecondPersonRequired`, `ProposalOutdated`, `Invalid`."""
        if by == self.proposed_by:
            raise SecondPersonRequired
        self._decide(ProposalStatus.APPROVED, by, now)
        if flag.version != self.flag_version:
            raise ProposalOutdated(flag.key, self.flag_version)
        flag.change_by_two(self.settings, now)

    def reject(self, by: UserId, now: datetime) -> None:
        """Any administrator may; the one who proposed the change withdraws it so. Raises `ProposalDecided`."""
        self._decide(ProposalStatus.REJECTED, by, now)

    def _decide(self, status: ProposalStatus, by: UserId, now: datetime) -> None:
        if self.status is not ProposalStatus.PENDING:
            raise ProposalDecided(self.status)
        self.status, self.decided_by, self.decided_at = status, by, now
