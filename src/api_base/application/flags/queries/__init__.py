"""Queries of feature flags. Their handlers are adapters: infrastructure/flags/queries.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import Query
from api_base.application.common.listing import EQUALITY, ORDER, TEXT, Field, Fields, ListRequest, Page, Sort
from api_base.application.flags import permissions
from api_base.application.flags.dtos import FlagDTO, ProposalDTO, StaleFlagDTO
from api_base.domain.flags.proposal import ProposalStatus

FLAG_FIELDS: Final = Fields(
    Field(name="key", kind=str, operators=TEXT, sortable=True),
    Field(name="owner", kind=str, operators=EQUALITY, scan=EQUALITY),
    Field(name="protected", kind=bool, operators=EQUALITY, scan=EQUALITY),
    Field(name="archived", kind=bool, operators=EQUALITY, scan=EQUALITY),
    default_sort=(Sort(field="key"),),
)

PROPOSAL_FIELDS: Final = Fields(
    Field(name="flag_id", kind=UUID, operators=EQUALITY),
    Field(name="status", kind=str, operators=EQUALITY, choices=tuple(status.value for status in ProposalStatus)),
    Field(name="created_at", kind=datetime, operators=ORDER, sortable=True),
    default_sort=(Sort(field="created_at", descending=True),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetFlag(Query[FlagDTO]):
    permission = permissions.MANAGE
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFlags(Query[Page[FlagDTO]]):
    permission = permissions.MANAGE
    request: ListRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ListStaleFlags(Query[Sequence[StaleFlagDTO]]):
    """All flags that are ready to be removed from the code, by key."""

    permission = permissions.MANAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class GetProposal(Query[ProposalDTO]):
    permission = permissions.MANAGE
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ListProposals(Query[Page[ProposalDTO]]):
    permission = permissions.MANAGE
    request: ListRequest
