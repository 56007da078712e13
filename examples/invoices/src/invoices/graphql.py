"""What GraphQL shows of invoices. `payInvoice` is the route of the REST API."""

from typing import Final

from api_base import GraphQL, Listing, Node, Relation
from api_base.application.items.dtos import ItemDTO
from invoices.invoicing import FIELDS, GetInvoicesByIds, InvoiceDTO, ListInvoices

INVOICES: Final = GraphQL(
    nodes=(Node(name="Invoice", dto=InvoiceDTO, by_ids=lambda ids: GetInvoicesByIds(ids=ids), path="/invoices"),),
    listings=(
        Listing(
            name="invoices",
            dto=InvoiceDTO,
            query=lambda request: ListInvoices(request=request),
            fields=FIELDS,
            description="The invoices of the tenant, in the order of issue.",
        ),
    ),
    relations=(
        Relation(on=InvoiceDTO, name="item", to=ItemDTO, key=lambda invoice: invoice.item_id, description="The item that was published."),
    ),
)
