"""What administrators see of feature flags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from api_base.domain.flags.entities import FeatureFlag
from api_base.domain.flags.proposal import FlagProposal, ProposalStatus
from api_base.domain.flags.staleness import StaleReason


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagDTO:
    """`definition` is the document that docs/flags.md describes."""

    id: UUID
    key: str
    definition: Mapping[str, Any]
    description: str
    owner: str
    protected: bool
    archived: bool
    tracked: bool
    stale_after: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, flag: FeatureFlag) -> "FlagDTO":
        settings = flag.settings
        return cls(
            id=flag.id,
            key=flag.key,
            definition=settings.document()["definition"],
            description=settings.description,
            owner=settings.owner,
            protected=settings.protected,
            archived=settings.archived,
            tracked=settings.tracked,
            stale_after=settings.stale_after,
            version=flag.version,
            created_at=flag.created_at,
            updated_at=flag.updated_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleFlagDTO:
    key: str
    owner: str
    reasons: Sequence[StaleReason]
    stale_after: datetime | None
    updated_at: datetime
    last_evaluated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedMemberDTO:
    """`pointer` is a JSON Pointer [RFC 6901] into the settings; null stands for what did not or will not exist."""

    pointer: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalDTO:
    id: UUID
    flag_id: UUID
    flag_version: int
    key: str
    changes: Sequence[ChangedMemberDTO]
    status: ProposalStatus
    proposed_by: UUID
    decided_by: UUID | None
    version: int
    created_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, proposal: FlagProposal) -> "ProposalDTO":
        return cls(
            id=proposal.id,
            flag_id=proposal.flag_id,
            flag_version=proposal.flag_version,
            key=proposal.key,
            changes=[ChangedMemberDTO(pointer=one.pointer, before=one.before, after=one.after) for one in proposal.changes],
            status=proposal.status,
            proposed_by=proposal.proposed_by,
            decided_by=proposal.decided_by,
            version=proposal.version,
            created_at=proposal.created_at,
            decided_at=proposal.decided_at,
        )
