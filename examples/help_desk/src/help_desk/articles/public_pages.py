"""What anybody reads of a tenant: its published articles, and what the visitor has written."""

from dataclasses import dataclass

from api_base import (
    PUBLIC,
    Database,
    ListRequest,
    NotFound,
    Page,
    Query,
    SqlRepository,
    readable_tenant,
)
from help_desk.articles.article import ARTICLES, ArticleDTO


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPublicArticles(Query[Page[ArticleDTO]]):
    permission = PUBLIC
    public_of = "tenant"
    tenant: str
    request: ListRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPublicArticle(Query[ArticleDTO]):
    permission = PUBLIC
    public_of = "tenant"
    tenant: str
    slug: str


class ReadPublicArticleHandler:
    def __init__(self, database: Database) -> None:
        self._find = SqlRepository(database, ARTICLES.mapping, readable_tenant).by("slug")

    async def handle(self, query: ReadPublicArticle) -> ArticleDTO:
        article = await self._find(query.slug)
        if article is None:
            raise NotFound("article", query.slug)
        return ARTICLES.to_dto(article)
