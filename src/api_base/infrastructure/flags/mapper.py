"""Map flags and proposals to their rows and back."""

from typing import Any

from api_base.core.errors import Invalid
from api_base.core.types import UserId
from api_base.domain.common.json_difference import Difference
from api_base.domain.flags.document import parse, to_document
from api_base.domain.flags.entities import FeatureFlag
from api_base.domain.flags.errors import FlagKeyTaken, FlagUnreadable
from api_base.domain.flags.proposal import FlagProposal, ProposalStatus
from api_base.domain.flags.settings import FlagSettings
from api_base.infrastructure.db.repository import TableMapping
from api_base.infrastructure.db.session import Row
from api_base.infrastructure.flags.tables import FLAG_PROPOSALS, FLAGS
from api_base.infrastructure.serialization.json_codec import decode, encode


def _flag_to_row(flag: FeatureFlag) -> tuple[Any, ...]:
    settings = flag.settings
    return (
        flag.id,
        flag.key,
        encode(to_document(settings.definition)).decode(),
        settings.description,
        settings.owner,
        settings.protected,
        settings.archived,
        settings.tracked,
        settings.stale_after,
        flag.version,
        flag.created_at,
        flag.updated_at,
    )


def _flag_from_row(row: Row) -> FeatureFlag:
    """Return the flag. Raises `FlagUnreadable`."""
    try:
        definition = parse(decode(row["definition"]))
    except Invalid as error:
        raise FlagUnreadable(row["key"], str(error)) from None
    if definition.key != row["key"]:
        raise FlagUnreadable(row["key"], f"its definition has the key {definition.key}")
    return FeatureFlag(
        id=row["id"],
        version=row["version"],
        settings=FlagSettings(
            definition=definition,
            description=row["description"],
            owner=row["owner"],
            protected=row["protected"],
            archived=row["archived"],
            tracked=row["tracked"],
            stale_after=row["stale_after"],
        ),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def read_flag(row: Row) -> FeatureFlag | None:
    """Return the flag, or None if its stored definition is not valid."""
    try:
        return _flag_from_row(row)
    except FlagUnreadable:
        return None


def _proposal_to_row(proposal: FlagProposal) -> tuple[Any, ...]:
    return (
        proposal.id,
        proposal.flag_id,
        proposal.flag_version,
        encode(proposal.document).decode(),
        encode(proposal.changes).decode(),
        proposal.status.value,
        proposal.proposed_by,
        proposal.decided_by,
        proposal.version,
        proposal.created_at,
        proposal.decided_at,
    )


def _proposal_from_row(row: Row) -> FlagProposal:
    decided_by = row["decided_by"]
    return FlagProposal(
        id=row["id"],
        version=row["version"],
        flag_id=row["flag_id"],
        flag_version=row["flag_version"],
        document=decode(row["settings"]),
        changes=tuple(Difference(*one) for one in decode(row["changes"])),
        status=ProposalStatus(row["status"]),
        proposed_by=UserId(row["proposed_by"]),
        decided_by=None if decided_by is None else UserId(decided_by),
        created_at=row["created_at"],
        decided_at=row["decided_at"],
    )


FLAG_MAPPING = TableMapping[FeatureFlag](
    entity="flag",
    table=FLAGS,
    to_row=_flag_to_row,
    from_row=_flag_from_row,
    owner=lambda flag: None,
    constraint_errors={"uq_flags_key": lambda flag: FlagKeyTaken(flag.key)},
)

PROPOSAL_MAPPING = TableMapping[FlagProposal](
    entity="flag_proposal", table=FLAG_PROPOSALS, to_row=_proposal_to_row, from_row=_proposal_from_row, owner=lambda proposal: None
)
