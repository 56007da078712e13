"""A knowledge base: members write articles, anybody reads those that are published, and a signed-in visitor the own drafts as well."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from fastapi import Depends

from api_base.application.common.cqrs import PUBLIC, Bus, Cacheable, Query, Registration, on
from api_base.application.common.dto import dto_of
from api_base.application.common.listing import ListRequest, Page
from api_base.application.common.resources import ResourceDTO
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.crud import crud
from api_base.core.errors import ProgrammingError
from api_base.core.types import TenantId, UserId, readable_tenant
from api_base.domain.common.resource import RestorableResource
from api_base.domain.common.text import TextRule
from api_base.infrastructure.db.resource_queries import GetById, ListOf
from api_base.infrastructure.db.resource_table import resource_table
from api_base.infrastructure.db.schema import DeclaredTable, Ownership, ownership
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.statement import OWNER, Statement, owned
from api_base.interface.routes import ListQuery, RouteOptions, Router


class Kind(StrEnum):
    GUIDE = "guide"
    NEWS = "news"


@dataclass(slots=True, kw_only=True, eq=False)
class Article(RestorableResource):
    tenant_id: TenantId
    user_id: UserId
    title: Annotated[str, TextRule(max_length=200)]
    kind: Kind = Kind.GUIDE
    rank: int | None = None
    published: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleDTO(ResourceDTO):
    user_id: UserId
    title: str
    kind: Kind
    rank: int | None
    published: bool


TABLE: Final = resource_table(Article, "articles", public="published", own="user_id")
NAMES: Final = ("title", "kind", "rank", "published", "created_at")
ARTICLES: Final = crud(
    Article, ArticleDTO, name="articles", filters=NAMES, sorts=("title", "rank", "created_at"), search=("title",), table=TABLE
)
FIELDS: Final = ARTICLES.routes_of.fields


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadArticle(Query[ArticleDTO]):
    permission = PUBLIC
    public_of = "tenant"
    tenant: str
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ListArticles(Query[Page[ArticleDTO]]):
    permission = PUBLIC
    public_of = "tenant"
    tenant: str
    request: ListRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class CountArticles(Query[int]):
    """How many articles the visitor sees: cached, as a page that many read."""

    permission = PUBLIC
    public_of = "tenant"
    cacheable = Cacheable.BY_PERMISSIONS
    staleness = 60.0
    reads = ("article",)
    tenant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The ids of the rows that a handler got of each table, or the error that refused it."""

    rows: dict[str, list[str]]
    refused: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEverything(Query[Seen]):
    """What a handler gets that forgets every condition, in the name of `user`."""

    permission = PUBLIC
    public_of = "tenant"
    tenant: str
    user: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOfAnother(Query[int]):
    """What a handler gets that reads the public rows of another tenant than the one in the path."""

    permission = PUBLIC
    public_of = "tenant"
    tenant: str
    other: UUID


class CountArticlesHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._count = Statement(sa.select(sa.func.count()).select_from(TABLE).where(owned(TABLE)))

    async def handle(self, query: CountArticles) -> int:
        found: int = await self._database.fetchval(self._count, readable_tenant())
        return found


class ReadEverythingHandler:
    def __init__(self, database: Database, tables: Sequence[DeclaredTable]) -> None:
        self._database, self._tables = database, tuple(tables)

    async def handle(self, query: ReadEverything) -> Seen:
        seen = Seen(rows={}, refused={})
        for table in self._tables:
            kind = ownership(table)
            owner = readable_tenant() if kind is Ownership.TENANT else query.user
            try:
                rows = await self._database.fetch(Statement(_everything(table), kind), owner)
            except (ProgrammingError, asyncpg.InsufficientPrivilegeError) as error:
                seen.refused[table.name] = str(error)
            else:
                seen.rows[table.name] = [str(row[0]) for row in rows]
        return seen


def _everything(table: DeclaredTable) -> sa.Select[tuple[object]]:
    """Every row that the policies show: the table is named as text, because a declared one is refused without its owner."""
    if ownership(table) is Ownership.SYSTEM:
        return sa.select(sa.literal(1)).select_from(table)
    column = sa.column("id" if "id" in table.columns else table.columns.keys()[0])
    return sa.select(column).select_from(sa.table(table.name, column)).where(OWNER.is_not(None))


class ReadOfAnotherHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._count = Statement(sa.select(sa.func.count()).select_from(TABLE).where(owned(TABLE)))

    async def handle(self, query: ReadOfAnother) -> int:
        found: int = await self._database.fetchval(self._count, query.other)
        return found


def routes(bus: Bus) -> Router:
    router = Router(prefix="/pages/{tenant}/articles", tags=["pages"])
    anybody = RouteOptions(auth="optional", sparse=True)

    @router.get("", anybody, summary="List the published articles")
    async def list_published(tenant: str, request: Annotated[ListRequest, Depends(ListQuery(FIELDS, searchable=True))]) -> Page[ArticleDTO]:
        return await bus.execute(ListArticles(tenant=tenant, request=request))

    @router.get("/{id}", RouteOptions(auth="optional", sparse=True, versioned=True), summary="Read a published article")
    async def read_published(tenant: str, id: UUID) -> ArticleDTO:
        return await bus.execute(ReadArticle(tenant=tenant, id=id))

    return router


PLAIN: Final = ARTICLES.context()


def pages_of(tables: Sequence[DeclaredTable]) -> Context:
    """The context of the public pages. `tables` are what its forgetful handler reads."""

    def handlers(ports: Ports) -> Sequence[Registration]:
        shown = dto_of(ArticleDTO)
        return [
            on(ReadArticle, GetById(ports.database, ARTICLES.mapping, shown)),
            on(ListArticles, ListOf(ports.database, ARTICLES.mapping, shown, FIELDS, search=ARTICLES.text_search(ports))),
            on(CountArticles, CountArticlesHandler(ports.database)),
            on(ReadEverything, ReadEverythingHandler(ports.database, tables)),
            on(ReadOfAnother, ReadOfAnotherHandler(ports.database)),
        ]

    return Context(name="pages", handlers=handlers, routes=routes)
