"""Votes and followers: each member votes for an article, and follows it, once."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from api_base import Command, NotFound, Ports, Query, SqlRelation, request_user
from help_desk.articles.article import ARTICLES, FOLLOWERS, VOTES


class Reaction(StrEnum):
    VOTE = "vote"
    FOLLOW = "follow"


@dataclass(frozen=True, slots=True, kw_only=True)
class React(Command[None]):
    permission = "articles:react"
    slug: str
    reaction: Reaction
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HasReacted(Query[bool]):
    permission = "articles:react"
    slug: str
    reaction: Reaction


class _Reactions:
    def __init__(self, ports: Ports) -> None:
        self._find = ARTICLES.repository(ports.database).by("slug")
        tables = {Reaction.VOTE: VOTES, Reaction.FOLLOW: FOLLOWERS}
        self._relations = {
            kind: SqlRelation(ports.database, table, ports.audit_writer, ports.clock)
            for kind, table in tables.items()
        }

    async def _pair(self, slug: str) -> dict[str, UUID]:
        article = await self._find(slug)
        if article is None or article.deleted_at is not None:
            raise NotFound("article", slug)
        return {"article_id": article.id, "user_id": request_user()}


class ReactHandler(_Reactions):
    async def handle(self, command: React) -> None:
        relation, pair = self._relations[command.reaction], await self._pair(command.slug)
        await (relation.put(**pair) if command.on else relation.drop(**pair))


class HasReactedHandler(_Reactions):
    async def handle(self, query: HasReacted) -> bool:
        return await self._relations[query.reaction].exists(**await self._pair(query.slug))
