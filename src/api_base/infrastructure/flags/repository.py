"""Repositories of feature flags and of proposals."""

from api_base.domain.flags.definition import usable
from api_base.domain.flags.entities import FeatureFlag
from api_base.domain.flags.proposal import FlagProposal
from api_base.domain.flags.repository import FlagRepository, ProposalRepository
from api_base.infrastructure.db.repository import SqlRepository
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.flags.mapper import FLAG_MAPPING, PROPOSAL_MAPPING, read_flag


class SqlFlagRepository(SqlRepository[FeatureFlag], FlagRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, FLAG_MAPPING, lambda: None)
        self._by_key = self.by("key")
        self._all = self.statement()

    async def by_key(self, key: str) -> FeatureFlag | None:
        return await self._by_key(key)

    async def readable(self) -> list[FeatureFlag]:
        found = [flag for row in await self._database.fetch(self._all, None) if (flag := read_flag(row)) is not None]
        together = usable(flag.settings.definition for flag in found if not flag.settings.archived)
        return [flag for flag in found if flag.key in together]


class SqlProposalRepository(SqlRepository[FlagProposal], ProposalRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, PROPOSAL_MAPPING, lambda: None)
