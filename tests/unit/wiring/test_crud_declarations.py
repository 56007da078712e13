"""What `crud` refuses at start, by its exact sentence and place; and the parts of a resource that are replaced by one's own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated
from uuid import UUID

import pytest

from api_base.application.common.cqrs import AUTHENTICATED, Bus, Registration, answer_of, on
from api_base.application.common.listing import Page
from api_base.application.common.resources import DeleteResource, ResourceDTO
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.contexts.roles import ADMINS, MEMBERS, VIEWERS
from api_base.bootstrap.crud import crud
from api_base.bootstrap.services import Services, build
from api_base.core.config import Settings
from api_base.core.types import TenantId, UserId
from api_base.domain.common.numbers import NumberRule
from api_base.domain.common.resource import Resource, RestorableResource
from api_base.domain.common.text import TextRule
from api_base.domain.common.value_objects import SlugRule
from api_base.infrastructure.db.resource_table import resource_table
from api_base.interface.routes import Router

MIGRATIONS = Path(__file__).parent / "shop" / "migrations"


@dataclass(slots=True, kw_only=True, eq=False)
class SalesOrder(Resource):
    tenant_id: TenantId
    title: Annotated[str, TextRule(max_length=10)]
    pieces: Annotated[int, NumberRule(least=1, most=9)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesOrderDTO(ResourceDTO):
    title: str
    pieces: int


@dataclass(slots=True, kw_only=True, eq=False)
class Diary(RestorableResource):
    user_id: UserId
    title: Annotated[str, TextRule(max_length=10)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiaryDTO(ResourceDTO):
    title: str


@dataclass(slots=True, kw_only=True, eq=False)
class Loose(Resource):
    tenant_id: TenantId
    title: str
    size: complex
    note: Annotated[str, TextRule(max_length=10)] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseDTO(ResourceDTO):
    titel: str


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DATABASE__DATA_DIR", str(tmp_path / "data"))
    return Settings(_env_file=None)


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(Path(__file__).read_text().splitlines(), 1) if text in line)


def built(settings: Settings, context: Context) -> Services:
    return build(settings, [*BUILT_IN, replace(context, migrations=MIGRATIONS)])


def faults(settings: Settings, context: Context) -> list[tuple[str, str]]:
    """File and line without folders, and sentence."""
    return [(one.place.rpartition("/")[2], one.sentence) for one in built(settings, context).declarations.faults]


def test_a_sound_resource_has_no_fault(settings: Settings) -> None:
    for context in (crud(SalesOrder, SalesOrderDTO, name="sales_orders").context(), crud(Diary, DiaryDTO, name="diaries").context()):
        assert faults(settings, context) == []


def test_messages_have_names_results_and_permissions() -> None:
    orders = crud(SalesOrder, SalesOrderDTO, name="sales_orders", delete=MEMBERS)
    messages = (orders.get, orders.get_many, orders.list, orders.create, orders.update, orders.delete)
    assert [one.__name__ for one in messages] == [
        "GetSalesOrder", "GetSalesOrdersByIds", "ListSalesOrders", "CreateSalesOrder", "UpdateSalesOrder", "DeleteSalesOrder",
    ]  # fmt: skip
    assert [answer_of(one) for one in messages] == [
        SalesOrderDTO, Sequence[SalesOrderDTO], Page[SalesOrderDTO], SalesOrderDTO, SalesOrderDTO, type(None),
    ]  # fmt: skip
    assert orders.roles == {
        "sales_orders:read": VIEWERS,
        "sales_orders:create": MEMBERS,
        "sales_orders:update": MEMBERS,
        "sales_orders:delete": MEMBERS,
    }
    assert {one.permission for one in messages} == set(orders.roles)
    assert orders.restore is None
    assert crud(SalesOrder, SalesOrderDTO, name="sales_orders").roles["sales_orders:delete"] == ADMINS


def test_what_belongs_to_a_user_needs_no_role() -> None:
    diaries = crud(Diary, DiaryDTO, name="diaries")
    assert (diaries.get.permission, diaries.create.permission, diaries.roles) == (AUTHENTICATED, AUTHENTICATED, {})


def test_what_does_not_fit_is_refused_at_the_line_of_the_declaration(settings: Settings) -> None:
    loose = crud(Loose, LooseDTO, name="loose", filters=("titel",), sorts=("size",), search=("note", "size"), key="title")
    place = f"test_crud_declarations.py:{line_of('loose = crud(Loose')}"
    assert faults(settings, loose.context()) == [
        (place, sentence)
        for sentence in (
            "filters name 'titel', which is no attribute of Loose that lists compare. It has id, version, created_at, updated_at, tenant_id, title, size, note.",
            "sorts name 'size', which is no attribute of Loose that lists compare. It has id, version, created_at, updated_at, tenant_id, title, size, note.",
            "search names 'size', which is no text of Loose. Name attributes of type str, the title first.",
            "search names 'note' as the title, which may be None. Name one that is never None first.",
            "key names 'title', which is no slug of Loose that is never None. Write title: Annotated[str, SlugRule()].",
            "Loose.title has no limit. Write Annotated[str, TextRule(max_length=…)].",
            "Loose.size is complex, which a body made of the class cannot have. Pass create_with and change_with to crud.",
        )
    ]


def test_a_search_has_its_columns_for_itself(settings: Settings) -> None:
    @dataclass(slots=True, kw_only=True, eq=False)
    class Poem(Resource):
        tenant_id: TenantId
        title: Annotated[str, TextRule(max_length=100)]
        words: int

    @dataclass(frozen=True, slots=True, kw_only=True)
    class PoemDTO(ResourceDTO):
        title: str
        words: int

    searched = crud(Poem, PoemDTO, name="poems", search=("title",))
    place = f"test_crud_declarations.py:{line_of('searched = crud(Poem')}"
    assert faults(settings, searched.context()) == [
        (place, "search adds the columns title_key and words to the table 'poems'. Name 'words' of Poem otherwise.")
    ]
    assert faults(settings, crud(Poem, PoemDTO, name="poems").context()) == []


def test_rows_of_a_file_find_a_resource_of_a_tenant_by_its_key(settings: Settings) -> None:
    files = crud(Diary, DiaryDTO, name="diaries", imports=True)
    assert faults(settings, files.context()) == [
        (f"test_crud_declarations.py:{line_of('files = crud(Diary')}", sentence)
        for sentence in (
            "Diary has imports=True and no key, by which a row of a file finds its resource. Add key=…, or leave imports out.",
            "Diary has imports=True and no tenant_id: files that are imported belong to a tenant. Leave imports out.",
        )
    ]


def test_a_table_of_ones_own_must_make_the_key_unique(settings: Settings) -> None:
    @dataclass(slots=True, kw_only=True, eq=False)
    class Page(Resource):
        tenant_id: TenantId
        slug: Annotated[str, SlugRule()]

    @dataclass(frozen=True, slots=True, kw_only=True)
    class PageDTO(ResourceDTO):
        slug: str

    pages = crud(Page, PageDTO, name="pages", key="slug", table=resource_table(Page, "pages"))
    assert faults(settings, pages.context()) == [
        (
            f"test_crud_declarations.py:{line_of('pages = crud(Page')}",
            "key names 'slug', which no constraint of the table 'pages' makes unique. "
            "Add sa.UniqueConstraint('tenant_id', 'slug', name='uq_pages_tenant_id_slug') to it.",
        )
    ]
    sound = crud(Page, PageDTO, name="pages", key="slug", table=resource_table(Page, "pages", unique=["slug"]))
    assert faults(settings, sound.context()) == []


def test_a_mapping_and_a_dto_that_do_not_fit_are_refused(settings: Settings) -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Misspelt(ResourceDTO):
        titel: str

    orders = crud(SalesOrder, Misspelt, name="sales_orders", table=crud(Diary, DiaryDTO, name="sales_orders").table)
    place = f"test_crud_declarations.py:{line_of('orders = crud(SalesOrder, Misspelt')}"
    assert faults(settings, orders.context()) == [
        (
            place,
            "SalesOrder.tenant_id has no column in the table 'sales_orders'. Add sa.Column(\"tenant_id\", sa.Uuid, nullable=False) to the table.",
        ),
        (
            place,
            "SalesOrder.pieces has no column in the table 'sales_orders'. Add sa.Column(\"pieces\", sa.BigInteger, nullable=False) to the table.",
        ),
        (place, "The column 'user_id' of 'sales_orders' is no attribute of SalesOrder. Add the attribute, or remove the column."),
        (place, "The column 'deleted_at' of 'sales_orders' is no attribute of SalesOrder. Add the attribute, or remove the column."),
        (
            place,
            "Misspelt.titel is no attribute of SalesOrder. It has id, version, created_at, updated_at, tenant_id, title, pieces. "
            "Rename the field, or add a property.",
        ),
    ]


class Refusing:
    async def handle(self, command: DeleteResource) -> None:
        """Nothing is deleted."""


def test_a_handler_and_a_route_are_replaced_without_the_others(settings: Settings) -> None:
    orders = crud(SalesOrder, SalesOrderDTO, name="sales_orders")

    def own_handlers(ports: Ports) -> Sequence[Registration]:
        return [on(orders.delete, Refusing())]

    def own_routes(bus: Bus) -> Router:
        router = Router(prefix="/sales-orders", tags=["sales_orders"])

        @router.get("/{id}", summary="Read an order in short")
        async def read_in_short(id: UUID) -> SalesOrderDTO:
            return await bus.execute(orders.get(id=id))

        @router.post("/{id}/close", status_code=204, summary="Close an order")
        async def close_order(id: UUID) -> None:
            await bus.execute(orders.delete(id=id, expected_version=None))

        return router

    services = built(settings, orders.context(handlers=own_handlers, routes=own_routes))
    assert services.declarations.faults == []
    parts = next(one for one in services.declarations.parts if one.context.name == "sales_orders")
    assert [type(one.handler).__name__ for one in parts.registrations] == ["GetById", "GetByIds", "ListOf", "Create", "Update", "Refusing"]
    assert isinstance(parts.routes, Router)
    assert [(one.method, one.path, one.endpoint.__name__) for one in parts.routes.definitions] == [
        ("GET", "/sales-orders/{id}", "read_in_short"),
        ("POST", "/sales-orders/{id}/close", "close_order"),
        ("POST", "/sales-orders", "create_sales_order"),
        ("GET", "/sales-orders", "list_sales_orders"),
        ("PATCH", "/sales-orders/{id}", "update_sales_order"),
        ("DELETE", "/sales-orders/{id}", "delete_sales_order"),
    ]


def test_no_attribute_takes_the_place_of_a_method(settings: Settings) -> None:
    @dataclass(slots=True, kw_only=True, eq=False)
    class Bill(RestorableResource):
        tenant_id: TenantId
        change: int = 0  # type: ignore[assignment]
        restore: bool = False  # type: ignore[assignment]
        check: bool = False
        now: int = 0
        cls: int = 0

    @dataclass(frozen=True, slots=True, kw_only=True)
    class BillDTO(ResourceDTO):
        change: int
        restore: bool
        check: bool

    bills = crud(Bill, BillDTO, name="bills")
    assert faults(settings, bills.context()) == [
        (
            f"test_crud_declarations.py:{line_of('bills = crud(Bill')}",
            f"Bill has the attribute {name!r}, which is {what}. Give the attribute another name.",
        )
        for name, what in (
            ("change", "a method that the base calls"),
            ("restore", "a method that the base calls"),
            ("now", "a parameter of create or change"),
            ("cls", "a parameter of create or change"),
        )
    ]


@pytest.mark.filterwarnings("error")
def test_a_name_of_pydantic_is_an_attribute_like_any_other_unless_it_is_used(settings: Settings) -> None:
    @dataclass(slots=True, kw_only=True, eq=False)
    class Plan(Resource):
        tenant_id: TenantId
        schema: Annotated[str, TextRule(max_length=10)]
        copy: int = 0
        json: bool = False
        model_config: int = 0
        values: int = 0

    @dataclass(frozen=True, slots=True, kw_only=True)
    class PlanDTO(ResourceDTO):
        schema: str
        copy: int

    plans = crud(Plan, PlanDTO, name="plans", filters=("schema", "copy"))
    assert faults(settings, plans.context()) == [
        (f"test_crud_declarations.py:{line_of('plans = crud(Plan')}", f"Plan.{name} has the name of a method of request bodies. Rename it.")
        for name in ("model_config", "values")
    ]
    body = plans.routes_of.create_body.model_validate_json('{"schema": "a", "copy": 2}')
    assert body.values() == {"schema": "a", "copy": 2}
