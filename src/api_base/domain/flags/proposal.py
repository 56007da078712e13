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
from api_base.domain.flags.settings import FlagSettings, parse_settings


class ProposalStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(slots=True, kw_only=True, eq=False)
class FlagProposal(AggregateRoot):
    """`document` is that of the settings that the flag is to have, if it is still at `flag_version`; `changes` is the difference from that version.

    A stored document may be one that is no longer valid: it can be rejected, and not be approved.
    """

    flag_id: UUID
    flag_version: int
    document: object
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
        document = settings.document()
        changes = tuple(differences(flag.settings.document(), document))
        return cls(id=id, flag_id=flag.id, flag_version=flag.version, document=document, changes=changes, proposed_by=by, created_at=now)

    @property
    def key(self) -> str:
        """The key of the flag; empty if the document names none."""
        match self.document:
            case {"definition": {"key": str(key)}}:
                return key
        return ""

    def approve(self, flag: FeatureFlag, by: UserId, now: datetime) -> None:
        """Change the flag. Raises `ProposalDecided`, `SecondPersonRequired`, `ProposalOutdated`, `Invalid`."""
        if by == self.proposed_by:
            raise SecondPersonRequired
        self._decide(ProposalStatus.APPROVED, by, now)
        if flag.version != self.flag_version:
            raise ProposalOutdated(flag.key, self.flag_version)
        flag.change_by_two(parse_settings(self.document), now)

    def reject(self, by: UserId, now: datetime) -> None:
        """Any administrator may; the one who proposed the change withdraws it so. Raises `ProposalDecided`."""
        self._decide(ProposalStatus.REJECTED, by, now)

    def _decide(self, status: ProposalStatus, by: UserId, now: datetime) -> None:
        if self.status is not ProposalStatus.PENDING:
            raise ProposalDecided(self.status)
        self.status, self.decided_by, self.decided_at = status, by, now
