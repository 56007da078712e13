"""A sound context. `test_mistakes.py` changes single lines of it: each change is a mistake that an author can make."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field  # noqa: F401 -- a mistake uses it
from datetime import date  # noqa: F401 -- mistakes use it
from pathlib import Path
from typing import Annotated
from uuid import UUID

import fastapi  # noqa: F401 -- mistakes use it
import sqlalchemy as sa
from fastapi import APIRouter, Depends
from starlette.middleware import Middleware  # noqa: F401 -- a mistake uses it

from api_base.application.common.aggregates import load
from api_base.application.common.cqrs import (  # noqa: F401 -- mistakes use two
    AUTHENTICATED,
    PUBLIC,
    Bus,
    Cacheable,
    Command,
    Query,
    Registration,
    on,
    replacing,
)
from api_base.application.common.jobs import Job, Schedule
from api_base.application.common.listing import Fields, ListRequest, Page
from api_base.application.common.realtime import Channel, PublicEvent
from api_base.application.common.seeds import Seeds
from api_base.application.files.commands.attachments import Attachable
from api_base.application.items.dtos import ItemDTO
from api_base.application.items.queries import GetItem
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.roles import ADMINS, VIEWERS
from api_base.core.base import AggregateRoot, DomainEvent
from api_base.core.errors import NotFound
from api_base.core.protocols import AsyncRepository, Isolation, Limit  # noqa: F401 -- a mistake uses one
from api_base.core.types import readable_tenant, request_tenant, request_user
from api_base.domain.common.events import AnySubscription, DurableSubscription
from api_base.infrastructure.db.query_builder import PageBuilder
from api_base.infrastructure.db.repository import SqlRepository, TableMapping
from api_base.infrastructure.db.rows import restored, row_of
from api_base.infrastructure.db.schema import system_owned, tenant_owned, text  # noqa: F401 -- a mistake uses one
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement, owned
from api_base.interface import versioning  # noqa: F401 -- mistakes use it
from api_base.interface.errors.shape import ProblemShape  # noqa: F401 -- mistakes use it
from api_base.interface.mcp import Tool
from api_base.interface.routes import ListQuery, OffsetQuery, RouteOptions, Router  # noqa: F401 -- a mistake uses one
from api_base.interface.routes.rendering import StreamAnswer  # noqa: F401 -- a mistake uses it
from api_base.interface.routes.versions import Version  # noqa: F401 -- mistakes use it
from api_base.interface.v1.bodies import Body

FIELDS = Fields(default_sort=())


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodRenamed(DomainEvent):
    name = "shop.renamed.v1"
    tenant_id: UUID
    title: str


@dataclass(slots=True, kw_only=True, eq=False)
class Good(AggregateRoot):
    tenant_id: UUID
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodDTO:
    id: UUID
    title: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafletDTO:
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GetGood(Query[GoodDTO]):
    permission = "shop:read"
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ListGoods(Query[Page[GoodDTO]]):
    permission = "shop:read"
    request: ListRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameGood(Command[None]):
    permission = "shop:change"
    id: UUID
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recount(Command[None]):
    permission = "shop:change"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLeaflet(Query[LeafletDTO]):
    permission = PUBLIC
    public_of = "tenant"
    tenant: str
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLeaflet(Command[None]):
    permission = AUTHENTICATED
    public_of = "tenant"
    limits = (Limit(name="leaflets", quota=10, window=60, burst=5),)
    tenant: str


class RenameBody(Body):
    title: str


class Sorting(Body):
    by: str


class GetGoodHandler:
    def __init__(self, goods: AsyncRepository[Good, UUID]) -> None:
        self._goods = goods

    async def handle(self, query: GetGood) -> GoodDTO:
        found = await load(self._goods, "good", query.id, None)
        return GoodDTO(id=found.id, title=found.title, version=found.version)


class ListGoodsHandler:
    def __init__(self, database: Database) -> None:
        self._pages = PageBuilder(database, TABLE, FIELDS, {}, _shown)

    async def handle(self, query: ListGoods) -> Page[GoodDTO]:
        return await self._pages.page(query.request, request_tenant())


class RenameGoodHandler:
    def __init__(self, goods: AsyncRepository[Good, UUID]) -> None:
        self._goods = goods

    async def handle(self, command: RenameGood) -> None:
        good = await load(self._goods, "good", command.id, None)
        good.title = command.title
        await self._goods.update(good)


class ItemHandler:
    async def handle(self, query: GetItem) -> ItemDTO:
        raise NotFound("There are no items in a shop.")


class RecountHandler:
    async def handle(self, command: Recount) -> None:
        """Nothing is counted here."""


TABLE = tenant_owned(
    "goods",
    sa.MetaData(),
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("title", text(), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)


LEAFLETS = tenant_owned(
    "leaflets",
    sa.MetaData(),
    sa.Column("tenant_id", sa.Uuid(), primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("author_id", sa.Uuid, nullable=False),
    sa.Column("printed", sa.Boolean, nullable=False),
    public="printed",
    own="author_id",
    visitors_write=True,
)


class ReadLeafletHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_id = Statement(sa.select(LEAFLETS.c.id).where(owned(LEAFLETS), LEAFLETS.c.id == sa.bindparam("id", type_=sa.Uuid)))

    async def handle(self, query: ReadLeaflet) -> LeafletDTO:
        found = await self._database.fetchval(self._by_id, readable_tenant(), id=query.id)
        if found is None:
            raise NotFound("leaflet", query.id)
        return LeafletDTO(id=found)


class WriteLeafletHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._mine = Statement(
            sa.select(LEAFLETS.c.id).where(owned(LEAFLETS), LEAFLETS.c.author_id == sa.bindparam("author", type_=sa.Uuid))
        )

    async def handle(self, command: WriteLeaflet) -> None:
        await self._database.fetch(self._mine, readable_tenant(), author=request_user())


def _owner(good: Good) -> UUID:
    return good.tenant_id


def repository(database: Database) -> SqlRepository[Good]:
    mapping = TableMapping[Good](entity="good", table=TABLE, to_row=row_of(TABLE), from_row=restored(Good), owner=_owner)
    return SqlRepository(database, mapping, request_tenant)


def _shown(row: Row) -> GoodDTO:
    return GoodDTO(id=row["id"], title=row["title"], version=row["version"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    aggregate_id: UUID
    title: str = ""


async def count(event: Renamed) -> None:
    """Nothing is counted here."""


def routes(bus: Bus) -> APIRouter:
    router = Router(prefix="/goods", tags=["goods"])

    @router.get("", summary="List goods")
    async def list_goods(request: Annotated[ListRequest, Depends(ListQuery(FIELDS))]) -> Page[GoodDTO]:
        return await bus.execute(ListGoods(request=request))

    @router.get("/{id}", RouteOptions(versioned=True), summary="Get a good")
    async def get_good(id: UUID) -> GoodDTO:
        return await bus.execute(GetGood(id=id))

    @router.put("/{id}/title", status_code=204, summary="Rename a good")
    async def rename_good(id: UUID, body: RenameBody) -> None:
        await bus.execute(RenameGood(id=id, title=body.title))

    @router.get("/{tenant}/leaflets/{id}", RouteOptions(auth="optional"), summary="Read a leaflet")
    async def read_leaflet(tenant: str, id: UUID) -> LeafletDTO:
        return await bus.execute(ReadLeaflet(tenant=tenant, id=id))

    @router.post("/{tenant}/leaflets", status_code=204, summary="Write a leaflet")
    async def write_leaflet(tenant: str) -> None:
        await bus.execute(WriteLeaflet(tenant=tenant))

    return router


def handlers(ports: Ports) -> Sequence[Registration]:
    goods = repository(ports.database)
    return [
        on(GetGood, GetGoodHandler(goods)),
        on(ReadLeaflet, ReadLeafletHandler(ports.database)),
        on(WriteLeaflet, WriteLeafletHandler(ports.database)),
        on(ListGoods, ListGoodsHandler(ports.database)),
        on(RenameGood, RenameGoodHandler(goods)),
        on(Recount, RecountHandler()),
    ]


def subscribers(ports: Ports) -> Sequence[AnySubscription]:
    return [DurableSubscription(name="shop.count", event="shop.renamed.v1", payload=Renamed, handle=count)]


@asynccontextmanager
async def lifespan(ports: Ports) -> AsyncIterator[None]:
    yield


def rename(text: RenameBody) -> str:
    """What a mistake depends on."""
    return text.title


def _read(id: UUID) -> GetGood:
    return GetGood(id=id)


async def seed(seeds: Seeds) -> None:
    """Count once."""
    await seeds.once("first count", Recount())


SHOP = Context(
    name="shop",
    tables=(TABLE, LEAFLETS),
    migrations=Path(__file__).parent / "migrations",
    permissions={"shop:read": VIEWERS, "shop:change": ADMINS},
    handlers=handlers,
    events=(GoodRenamed,),
    subscribers=subscribers,
    jobs=(Job(name="shop.recount", message=Recount),),
    schedules=(Schedule(name="shop.nightly", cron="0 3 * * *", message=Recount),),
    attachable=(Attachable(kind="goods", permission="shop:change", read=_read),),
    channels=(
        Channel(kind="goods", message=GetGood, read=_read),
        PublicEvent(event="shop.renamed.v1", fields=("title",), to={"goods": "aggregate_id"}, permission="shop:read"),
    ),
    mcp=(Tool(message=GetGood, description="Get a good of the tenant."),),
    remote={"shop.get": GetGood},
    lifespan=lifespan,
    seed=seed,
    routes=routes,
)
