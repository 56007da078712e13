"""The context `pages`: what anybody reads of a tenant, and what its visitors write."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel

from api_base import (
    PUBLIC,
    Bus,
    Context,
    Database,
    ListOf,
    ListRequest,
    NotFound,
    OffsetPage,
    OffsetQuery,
    Page,
    Query,
    RouteOptions,
    Router,
    SqlRepository,
    TextRule,
    on,
    readable_tenant,
)
from help_desk.articles.article import ARTICLES, ArticleDTO
from help_desk.desk import of_desk
from help_desk.tickets.ticket import TICKETS, MyTickets, OpenTicket, TicketDTO

FIELDS = ARTICLES.routes_of.fields


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


class TicketBody(BaseModel, extra="forbid", frozen=True, strict=True):
    title: Annotated[str, TextRule(max_length=200)]
    body: Annotated[str, TextRule(max_length=10_000, lines=True)]


def routes(bus: Bus) -> Router:
    router = Router(prefix="/tenants/{tenant}", tags=["pages"])
    listed = RouteOptions(auth="optional", paging="offset")

    @router.get("/articles", listed, summary="List the published articles of a tenant")
    async def list_public_articles(
        tenant: str, request: Annotated[ListRequest, Depends(OffsetQuery(FIELDS))]
    ) -> OffsetPage[ArticleDTO]:
        page = await bus.execute(ListPublicArticles(tenant=tenant, request=request))
        return OffsetPage.of(page, request)

    @router.get("/articles/{slug}", RouteOptions(auth="optional"), summary="Read one of them")
    async def read_public_article(tenant: str, slug: str) -> ArticleDTO:
        return await bus.execute(ReadPublicArticle(tenant=tenant, slug=slug))

    @router.get("/tickets", listed, summary="List my tickets")
    async def list_my_tickets(
        tenant: str,
        request: Annotated[ListRequest, Depends(OffsetQuery(TICKETS.routes_of.fields))],
    ) -> OffsetPage[TicketDTO]:
        page = await bus.execute(MyTickets(tenant=tenant, request=request))
        return OffsetPage.of(page, request)

    @router.post("/tickets", status_code=201, summary="Open a ticket")
    async def open_ticket(tenant: str, body: TicketBody) -> TicketDTO:
        return await bus.execute(OpenTicket(tenant=tenant, values=body.model_dump()))

    return router


CONTEXT = of_desk(
    Context(
        name="pages",
        requires=("articles", "tickets"),
        handlers=lambda ports: [
            on(
                ListPublicArticles,
                ListOf(ports.database, ARTICLES.mapping, ARTICLES.to_dto, FIELDS),
            ),
            on(ReadPublicArticle, ReadPublicArticleHandler(ports.database)),
        ],
        routes=routes,
    )
)
