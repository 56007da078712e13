"""Feature flags and proposed changes of them, for platform administrators."""

from typing import Final
from uuid import UUID

from api_base.application.flags.dtos import FlagDTO, ProposalDTO, StaleFlagDTO
from api_base.application.flags.queries import (
    FLAG_FIELDS,
    PROPOSAL_FIELDS,
    GetFlag,
    GetProposal,
    ListFlags,
    ListProposals,
    ListStaleFlags,
)
from api_base.interface.graphql.declared import GraphQL, Listing, Lookup, Single

FLAGS: Final = GraphQL(
    listings=(
        Listing(
            name="flags",
            dto=FlagDTO,
            query=lambda request: ListFlags(request=request),
            fields=FLAG_FIELDS,
            description="All feature flags, for platform administrators.",
        ),
        Listing(
            name="flagProposals",
            dto=ProposalDTO,
            query=lambda request: ListProposals(request=request),
            fields=PROPOSAL_FIELDS,
            description="Proposed changes of feature flags, for platform administrators.",
        ),
    ),
    lookups=(
        Lookup(
            name="flag", dto=FlagDTO, by="key", kind=str, query=lambda key: GetFlag(key=key), description="Null if no flag has this key."
        ),
        Lookup(
            name="flagProposal",
            dto=ProposalDTO,
            by="id",
            kind=UUID,
            query=lambda proposal: GetProposal(id=proposal),
            description="Null if no proposal has this id.",
        ),
    ),
    singles=(
        Single(
            name="staleFlags",
            query=ListStaleFlags,
            dto=StaleFlagDTO,
            many=True,
            description="Flags that are ready to be removed from the code, for platform administrators.",
        ),
    ),
)
