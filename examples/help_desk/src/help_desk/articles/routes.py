"""The routes of articles beside those that `crud` makes."""

from typing import Annotated

from fastapi import Depends

from api_base import Bus, ListRequest, OffsetPage, OffsetQuery, RouteOptions, Router
from help_desk.articles.article import ARTICLES, ArticleDTO
from help_desk.articles.public_pages import ListPublicArticles, ReadPublicArticle
from help_desk.articles.reactions import HasReacted, React, Reaction

Listed = Annotated[ListRequest, Depends(OffsetQuery(ARTICLES.routes_of.fields))]


def routes(bus: Bus) -> Router:
    router = Router(prefix="/articles", tags=["articles"])

    @router.put("/{slug}/{reaction}", status_code=204, summary="Vote for an article, or follow it")
    async def react(slug: str, reaction: Reaction) -> None:
        await bus.execute(React(slug=slug, reaction=reaction, on=True))

    @router.delete("/{slug}/{reaction}", status_code=204, summary="Take a vote back, or unfollow")
    async def take_back(slug: str, reaction: Reaction) -> None:
        await bus.execute(React(slug=slug, reaction=reaction, on=False))

    @router.get("/{slug}/{reaction}", summary="Tell whether I voted for an article, or follow it")
    async def has_reacted(slug: str, reaction: Reaction) -> bool:
        return await bus.execute(HasReacted(slug=slug, reaction=reaction))

    @router.get(
        "/of/{tenant}",
        RouteOptions(auth="optional", paging="offset"),
        summary="List the published articles of a tenant",
    )
    async def list_public_articles(tenant: str, request: Listed) -> OffsetPage[ArticleDTO]:
        page = await bus.execute(ListPublicArticles(tenant=tenant, request=request))
        return OffsetPage.of(page, request)

    @router.get(
        "/of/{tenant}/{slug}",
        RouteOptions(auth="optional"),
        summary="Read a published article of a tenant",
    )
    async def read_public_article(tenant: str, slug: str) -> ArticleDTO:
        return await bus.execute(ReadPublicArticle(tenant=tenant, slug=slug))

    return router
