"""The articles of the knowledge base. Tags are words: `tags[contains]=billing` finds them."""

from dataclasses import dataclass
from typing import Annotated

from api_base import (
    ResourceDTO,
    RestorableResource,
    SlugRule,
    TenantId,
    TextRule,
    UserId,
    crud,
    relation_table,
    resource_table,
)


@dataclass(slots=True, kw_only=True, eq=False)
class Article(RestorableResource):
    tenant_id: TenantId
    user_id: UserId
    slug: Annotated[str, SlugRule()]
    title: Annotated[str, TextRule(max_length=200)]
    body: Annotated[str, TextRule(max_length=20_000, lines=True)]
    tags: Annotated[str, TextRule(max_length=200, optional=True)] = ""
    published: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleDTO(ResourceDTO):
    slug: str
    title: str
    body: str
    tags: str
    published: bool


ARTICLES = crud(
    Article,
    ArticleDTO,
    name="articles",
    filters=("title", "tags", "published", "created_at"),
    sorts=("title", "created_at"),
    search=("title", "body", "tags"),
    key="slug",
    imports=True,
    paging="offset",
    table=resource_table(Article, "articles", unique=["slug"], public="published", own="user_id"),
)
VOTES = relation_table("article_votes", {"article_id": ARTICLES.table, "user_id": None})
FOLLOWERS = relation_table("article_followers", {"article_id": ARTICLES.table, "user_id": None})
