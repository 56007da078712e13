"""The table of invoices. The fields of the aggregate are its columns."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.application.common.listing import Page
from api_base.application.common.money import MoneyDTO
from api_base.core.types import request_tenant
from api_base.domain.common.value_objects import Money
from api_base.infrastructure.db.query_builder import PageBuilder
from api_base.infrastructure.db.repository import SqlRepository, TableMapping
from api_base.infrastructure.db.rows import restored, row_of
from api_base.infrastructure.db.schema import tenant_owned, timestamp
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement, owned
from invoices.invoicing import FIELDS, GetInvoicesByIds, Invoice, InvoiceDTO, ListInvoices

TABLE = tenant_owned(
    "invoices",
    sa.MetaData(),
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("item_id", sa.Uuid, nullable=False),
    sa.Column("fee_cents", sa.BigInteger, nullable=False),
    sa.Column("paid_at", timestamp()),
    sa.Column("version", sa.Integer, nullable=False),
)


def repository(database: Database) -> SqlRepository[Invoice]:
    mapping = TableMapping[Invoice](
        entity="invoice", table=TABLE, to_row=row_of(TABLE), from_row=restored(Invoice), owner=lambda invoice: invoice.tenant_id
    )
    return SqlRepository(database, mapping, request_tenant)


class ListInvoicesHandler:
    def __init__(self, database: Database) -> None:
        self._pages = PageBuilder(database, TABLE, FIELDS, {}, _shown)

    async def handle(self, query: ListInvoices) -> Page[InvoiceDTO]:
        return await self._pages.page(query.request, request_tenant())


class GetInvoicesByIdsHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        named = TABLE.c.id == sa.any_(sa.bindparam("ids", type_=ARRAY(sa.Uuid)))
        self._statement = Statement(sa.select(TABLE).where(owned(TABLE), named))

    async def handle(self, query: GetInvoicesByIds) -> Sequence[InvoiceDTO]:
        return [_shown(row) for row in await self._database.fetch(self._statement, request_tenant(), ids=list(query.ids))]


def _shown(row: Row) -> InvoiceDTO:
    fee = MoneyDTO.of(Money(minor=row["fee_cents"], currency="EUR"))
    return InvoiceDTO(id=row["id"], item_id=row["item_id"], fee=fee, paid_at=row["paid_at"])
