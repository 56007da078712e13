"""The routes of articles beside those that `crud` makes."""

from api_base import Bus, Router
from help_desk.articles.reactions import HasReacted, React, Reaction


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

    return router
