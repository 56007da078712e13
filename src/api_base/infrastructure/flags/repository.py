"""Repositories of feature flags and of proposals."""

from collections.abc import Iterator

import sqlalchemy as sa

from api_base.domain.flags.entities import FeatureFlag
from api_base.domain.flags.errors import FlagUnreadable
from api_base.domain.flags.proposal import FlagProposal
from api_base.domain.flags.repository import FlagRepository, ProposalRepository
from api_base.infrastructure.db.repository import SqlRepository
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.flags.mapper import FLAG_MAPPING, PROPOSAL_MAPPING
from api_base.infrastructure.flags.tables import FLAGS


class SqlFlagRepository(SqlRepository[FeatureFlag], FlagRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, FLAG_MAPPING, lambda: None)
        self._by_key = self.statement(FLAGS.c.key == sa.bindparam("key", type_=sa.Text))
        self._all = self.statement()

    async def by_key(self, key: str) -> FeatureFlag | None:
        return await self.find(self._by_key, None, key=key)

    async def readable(self) -> list[FeatureFlag]:
        return list(self._readable(await self._database.fetch(self._all, None)))

    def _readable(self, rows: list[Row]) -> Iterator[FeatureFlag]:
        for row in rows:
            try:
                yield FLAG_MAPPING.from_row(row)
            except FlagUnreadable:
                continue


class SqlProposalRepository(SqlRepository[FlagProposal], ProposalRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, PROPOSAL_MAPPING, lambda: None)
