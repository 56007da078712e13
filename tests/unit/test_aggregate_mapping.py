"""`aggregate_mapping` and `resource_table`: each type is stored and restored, and what does not fit is a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.core.base import AggregateRoot
from api_base.core.types import TenantId, UserId
from api_base.domain.common.resource import Resource
from api_base.domain.common.value_objects import EmailAddress, Money, Slug
from api_base.infrastructure.db.aggregate_mapping import aggregate_mapping
from api_base.infrastructure.db.resource_table import resource_table
from api_base.infrastructure.db.schema import Ownership, ownership, tenant_owned, text
from api_base.infrastructure.db.stored_types import Converter, StoredPart

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Shade(StrEnum):
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Size:
    """A value object with two columns of its own."""

    width: int
    height: int


SIZES = {
    Size: Converter[Size](
        parts=(
            StoredPart(type=sa.BigInteger(), value=lambda size: size.width, suffix="_width"),
            StoredPart(type=sa.BigInteger(), value=lambda size: size.height, suffix="_height"),
        ),
        load=Size,
    )
}


@dataclass(slots=True, kw_only=True, eq=False)
class Everything(Resource):
    tenant_id: TenantId
    name: str
    count: int
    on: bool
    other: UserId | None
    day: date
    data: bytes
    shade: Shade | None
    email: EmailAddress
    slug: Slug | None
    price: Money | None
    tags: tuple[str, ...]
    notes: Mapping[str, Any]
    size: Size | None


def everything(**changes: Any) -> Everything:
    values: dict[str, Any] = {
        "id": uuid4(), "version": 3, "tenant_id": uuid4(), "created_at": NOW, "updated_at": NOW, "name": "n", "count": 2, "on": True, "other": uuid4(),
        "day": date(2026, 1, 2), "data": b"x", "shade": Shade.DARK, "email": EmailAddress("ana@example.com"), "slug": Slug("a-b"),
        "price": Money(minor=1250, currency="EUR"), "tags": ("a", "b"), "notes": {"k": [1, None]}, "size": Size(1, 2),
    }  # fmt: skip
    return Everything(**values | changes)


def shown(entity: Everything) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in Everything.__dataclass_fields__ if name != "_events"}


def test_every_type_is_stored_and_restored() -> None:
    table = resource_table(Everything, "everything", converters=SIZES)
    mapping = aggregate_mapping(Everything, table, converters=SIZES)
    assert (mapping.faults, mapping.entity, ownership(table)) == ([], "everything", Ownership.TENANT)
    for entity in (everything(), everything(other=None, shade=None, slug=None, price=None, size=None)):
        row = dict(zip(table.columns.keys(), mapping.to_row(entity), strict=True))
        restored: Any = row
        assert shown(mapping.from_row(restored)) == shown(entity)
        assert mapping.owner(entity) == entity.tenant_id
    row = dict(zip(table.columns.keys(), mapping.to_row(everything()), strict=True))
    assert (row["price_minor"], row["price_currency"], row["size_width"], row["size_height"]) == (1250, "EUR", 1, 2)
    assert (row["shade"], row["email"], row["tags"], row["notes"]) == ("dark", "ana@example.com", ["a", "b"], '{"k":[1,null]}')
    assert mapping.fields["price.amount"] is table.c.price_minor


class Plain(Enum):
    """Its members are no texts themselves."""

    FIRST = "first's"


MADE = UserId(UUID("00000000-0000-4000-8000-000000000001"))
ADDRESS, PRICE = EmailAddress("ana@example.com"), Money(minor=1250, currency="EUR")


@dataclass(slots=True, kw_only=True, eq=False)
class Defaulted(Resource):
    tenant_id: TenantId
    given: str
    name: str = "it's new"
    count: int = 2
    on: bool = True
    other: UserId = MADE
    day: date = date(2026, 1, 2)
    plain: Plain = Plain.FIRST
    email: EmailAddress = ADDRESS
    price: Money = PRICE
    size: Size = Size(1, 2)
    tags: tuple[str, ...] = ()
    nothing: str | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


def test_rows_that_exist_get_the_default_of_an_attribute_as_each_of_its_columns_holds_it() -> None:
    mapping = aggregate_mapping(Defaulted, resource_table(Defaulted, "defaulted", converters=SIZES), converters=SIZES)
    assert (mapping.faults, {table for table, _ in mapping.defaults}) == ([], {"defaulted"})
    assert {column: default for (_, column), default in mapping.defaults.items() if column != "version"} == {
        "name": "'it''s new'",
        "count": "2",
        "on": "true",
        "other": f"'{MADE}'",
        "day": "'2026-01-02'",
        "plain": "'first''s'",
        "email": "'ana@example.com'",
        "price_minor": "1250",
        "price_currency": "'EUR'",
        "size_width": "1",
        "size_height": "2",
        "tags": "'{}'",
    }


def test_a_table_of_a_resource_has_its_columns_in_order_and_its_owner() -> None:
    @dataclass(slots=True, kw_only=True, eq=False)
    class Letter(Resource):
        user_id: UserId
        subject: str

    @dataclass(slots=True, kw_only=True, eq=False)
    class Country(Resource):
        code: str

    letters, countries = (
        resource_table(Letter, "letters"),
        resource_table(Country, "countries", sa.UniqueConstraint("code", name="uq_code")),
    )
    assert letters.columns.keys() == ["user_id", "id", "subject", "version", "created_at", "updated_at"]
    assert [one.name for one in letters.primary_key.columns] == ["user_id", "id"]
    assert (ownership(letters), ownership(countries)) == (Ownership.USER, Ownership.SYSTEM)
    assert "uq_code" in {one.name for one in countries.constraints}
    assert aggregate_mapping(Country, countries).owner(Country(id=uuid4(), created_at=NOW, updated_at=NOW, code="PT")) is None


@dataclass(slots=True, kw_only=True, eq=False)
class Wrong(AggregateRoot):
    tenant_id: UUID
    missing: str
    number: str
    maybe: str | None
    never: str
    colour: complex
    tags: tuple[str, ...]


WRONG = tenant_owned(
    "wrong",
    sa.MetaData(),
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("maybe", text(), nullable=False),
    sa.Column("never", text()),
    sa.Column("colour", text(), nullable=False),
    sa.Column("tags", ARRAY(sa.Integer), nullable=False),
    sa.Column("more", text()),
    sa.Column("version", sa.SmallInteger, nullable=False),
)


def test_what_does_not_fit_is_one_sentence_each() -> None:
    mapping = aggregate_mapping(Wrong, WRONG)
    assert list(mapping.faults) == [
        "Wrong.colour is complex, which no converter stores. Pass converters={complex: Converter(…)} to aggregate_mapping.",
        "Wrong.missing has no column in the table 'wrong'. Add sa.Column(\"missing\", text(), nullable=False) to the table.",
        "Wrong.number is str, but the column 'number' of 'wrong' is INTEGER. Write sa.Column(\"number\", text(), nullable=False).",
        "Wrong.maybe may be None, but the column 'maybe' of 'wrong' is not nullable. Write sa.Column(\"maybe\", text()).",
        "Wrong.never is never None, but the column 'never' of 'wrong' is nullable. Write sa.Column(\"never\", text(), nullable=False).",
        "Wrong.tags is tuple[str, ...], but the column 'tags' of 'wrong' is INTEGER[]. Write sa.Column(\"tags\", ARRAY(text()), nullable=False).",
        "The column 'more' of 'wrong' is no attribute of Wrong. Add the attribute, or remove the column.",
    ]
    source = Path(__file__).read_text().splitlines()
    line = next(number for number, one in enumerate(source, 1) if "mapping = aggregate_mapping(Wrong, WRONG)" in one)
    assert mapping.declared_at.endswith(f"test_aggregate_mapping.py:{line}")
