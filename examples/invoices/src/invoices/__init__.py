"""The context `invoices`. Add it to an application with `CONTEXTS=invoices:INVOICES`."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from api_base import ADMINS, VIEWERS, Bus, Context, GetByIds, ListOf, ListQuery, ListRequest, Page, Router, Tool, dto_of, on
from invoices.invoicing import FIELDS, GetInvoicesByIds, InvoiceDTO, InvoicePaid, ListInvoices, PayInvoice, PayInvoiceHandler, invoicing
from invoices.tables import MAPPING, TABLE, repository


def routes(bus: Bus) -> Router:
    router = Router(prefix="/invoices", tags=["invoices"])

    @router.get("", summary="List invoices")
    async def list_invoices(request: Annotated[ListRequest, Depends(ListQuery(FIELDS))]) -> Page[InvoiceDTO]:
        return await bus.execute(ListInvoices(request=request))

    @router.post("/{id}/pay", status_code=204, summary="Pay an invoice")
    async def pay_invoice(id: UUID) -> None:
        await bus.execute(PayInvoice(id=id))

    return router


to_dto = dto_of(InvoiceDTO)
INVOICES = Context(
    name="invoices",
    tables=(TABLE,),
    migrations=Path(__file__).parent / "migrations",
    permissions={ListInvoices.permission: VIEWERS, PayInvoice.permission: ADMINS},
    handlers=lambda ports: [
        on(GetInvoicesByIds, GetByIds(ports.database, MAPPING, to_dto)),
        on(ListInvoices, ListOf(ports.database, MAPPING, to_dto, FIELDS)),
        on(PayInvoice, PayInvoiceHandler(repository(ports.database), ports.clock)),
    ],
    events=(InvoicePaid,),
    subscribers=lambda ports: [invoicing(repository(ports.database), ports.ids)],
    mcp=(
        Tool(message=ListInvoices, description="List the invoices of the tenant, in the order of issue.", listing=FIELDS),
        Tool(message=PayInvoice, description="Record that an invoice is paid."),
    ),
    routes=routes,
    graphql="invoices.graphql:INVOICES",
)
