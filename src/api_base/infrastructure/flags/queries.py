"""Queries of feature flags: rows become DTOs directly, so that one whose stored definition is not valid is shown as well."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from api_base.application.common.listing import Page
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
from api_base.core.errors import NotFound
from api_base.core.protocols import Clock
from api_base.domain.flags.entities import FeatureFlag
from api_base.domain.flags.staleness import stale_reasons
from api_base.infrastructure.db.query_builder import PageBuilder
from api_base.infrastructure.db.rows import restored
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement
from api_base.infrastructure.flags.mapper import PROPOSAL_MAPPING, read_flag
from api_base.infrastructure.flags.tables import FLAG_EVALUATIONS, FLAG_PROPOSALS, FLAGS
from api_base.infrastructure.serialization.json_codec import decode

COLUMNS: Final = {name: FLAGS.c[name] for name in ("key", "owner", "protected", "archived")}
PROPOSAL_COLUMNS: Final = {name: FLAG_PROPOSALS.c[name] for name in ("flag_id", "status", "created_at")}

flag_to_dto: Final[Callable[[Row], FlagDTO]] = restored(FlagDTO, definition=decode)


def proposal_to_dto(row: Row) -> ProposalDTO:
    return ProposalDTO.of(PROPOSAL_MAPPING.from_row(row))


class GetFlagHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._statement = Statement(sa.select(FLAGS).where(FLAGS.c.key == sa.bindparam("key", type_=sa.Text)), Ownership.SYSTEM)

    async def handle(self, query: GetFlag) -> FlagDTO:
        """The flag. Raises `NotFound`."""
        row = await self._database.fetchrow(self._statement, None, key=query.key)
        if row is None:
            raise NotFound("flag", query.key)
        return flag_to_dto(row)


class ListFlagsHandler:
    def __init__(self, database: Database) -> None:
        self.pages = PageBuilder(database, FLAGS, FLAG_FIELDS, COLUMNS, flag_to_dto)

    async def handle(self, query: ListFlags) -> Page[FlagDTO]:
        """A page. Raises `Invalid` for an invalid cursor."""
        return await self.pages.page(query.request, None)


class ListStaleFlagsHandler:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        evaluated = FLAGS.outerjoin(FLAG_EVALUATIONS, FLAG_EVALUATIONS.c.flag_id == FLAGS.c.id)
        columns = sa.select(FLAGS, FLAG_EVALUATIONS.c.last_evaluated_at).select_from(evaluated)
        self._statement = Statement(columns.where(FLAGS.c.archived.is_(False)).order_by(FLAGS.c.key), Ownership.SYSTEM)

    async def handle(self, query: ListStaleFlags) -> Sequence[StaleFlagDTO]:
        del query
        rows = await self._database.fetch(self._statement, None)
        flags = [(flag, row["last_evaluated_at"]) for row in rows if (flag := read_flag(row)) is not None]
        required = {one.key for flag, _ in flags for one in flag.settings.definition.prerequisites}
        found = [self._stale(flag, last, flag.key in required) for flag, last in flags]
        return [flag for flag in found if flag is not None]

    def _stale(self, flag: FeatureFlag, last: datetime | None, required: bool) -> StaleFlagDTO | None:
        times = {"created_at": flag.created_at, "updated_at": flag.updated_at}
        reasons = tuple(stale_reasons(flag.settings, required=required, **times, last_evaluated_at=last, now=self._clock.now()))
        if not reasons:
            return None
        return StaleFlagDTO(
            key=flag.key,
            owner=flag.settings.owner,
            reasons=reasons,
            stale_after=flag.settings.stale_after,
            updated_at=flag.updated_at,
            last_evaluated_at=last,
        )


class GetProposalHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        by_id = FLAG_PROPOSALS.c.id == sa.bindparam("id", type_=sa.Uuid)
        self._statement = Statement(sa.select(FLAG_PROPOSALS).where(by_id), Ownership.SYSTEM)

    async def handle(self, query: GetProposal) -> ProposalDTO:
        """The proposal. Raises `NotFound`."""
        row = await self._database.fetchrow(self._statement, None, id=query.id)
        if row is None:
            raise NotFound("proposal", query.id)
        return proposal_to_dto(row)


class ListProposalsHandler:
    def __init__(self, database: Database) -> None:
        self.pages = PageBuilder(database, FLAG_PROPOSALS, PROPOSAL_FIELDS, PROPOSAL_COLUMNS, proposal_to_dto)

    async def handle(self, query: ListProposals) -> Page[ProposalDTO]:
        """A page. Raises `Invalid` for an invalid cursor."""
        return await self.pages.page(query.request, None)
