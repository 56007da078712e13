"""Articles of a knowledge base: a plain resource of tests, with a slug, on tables that `migrate new --auto` writes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import httpx2

from api_base.application.common.money import MoneyDTO
from api_base.application.common.resources import ResourceDTO
from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.types import TenantId
from api_base.domain.common.resource import RestorableResource
from api_base.domain.common.text import TextRule
from api_base.domain.common.value_objects import Money, SlugRule
from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on

_numbers = count(1)


@dataclass(slots=True, kw_only=True, eq=False)
class Article(RestorableResource):
    tenant_id: TenantId
    slug: Annotated[str, SlugRule()]
    title: Annotated[str, TextRule(max_length=200)]
    page_views: int = 0
    due_on: date | None = None
    list_price: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleDTO(ResourceDTO):
    slug: str
    title: str
    page_views: int
    due_on: date | None
    list_price: MoneyDTO | None


@dataclass(frozen=True, slots=True)
class Desk:
    """The running application, with somebody to send requests as. `path` is that of the articles."""

    api: Running
    person: Person
    path: str = "/api/v1/articles"

    async def send(
        self, method: str, end: str = "", *, by: Person | None = None, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx2.Response:
        sent = {**(by or self.person).headers, **(headers or {})}
        return await self.api.client.request(method, self.path + end, headers=sent, **more)

    async def rows(self, **query: str) -> list[dict[str, Any]]:
        """The rows of all pages of a list."""
        found, cursor = list[dict[str, Any]](), dict[str, str]()
        while True:
            answer = await self.send("GET", params={**query, **cursor})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    async def made(self, **values: Any) -> dict[str, Any]:
        answer = await self.send("POST", json={"slug": f"article-{next(_numbers)}", "title": "Article", **values})
        assert answer.status_code == 201, answer.text
        shown: dict[str, Any] = answer.json()
        return shown


@asynccontextmanager
async def serving(urls: Urls, folder: Path, contexts: Sequence[Context], others: Sequence[Context] = ()) -> AsyncIterator[Running]:
    """The application with `contexts`, whose revisions are written to `folder` and applied, and with `others`, which have none."""
    settings, everything = settings_on(urls), [*BUILT_IN, *contexts, *others]
    for one in contexts:
        assert await asyncio.to_thread(migrations.auto, settings, urls, one.name, None, everything) is not None
    await asyncio.to_thread(migrations.up, settings, urls, everything)
    async with running(settings, everything) as opened:
        yield opened
