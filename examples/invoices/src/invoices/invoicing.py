"""A tenant pays a fee for each item that it publishes: the invoice, the subscriber that issues it, and its commands and queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from api_base import (
    AggregateRoot,
    AsyncRepository,
    Clock,
    Command,
    Conflict,
    DomainEvent,
    DurableSubscription,
    Fields,
    IdGenerator,
    ListRequest,
    Money,
    MoneyDTO,
    Page,
    Query,
    load,
)

FIELDS = Fields(default_sort=())  # by id only: in the order of issue


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaid(DomainEvent):
    name = "invoices.paid.v1"


@dataclass(slots=True, kw_only=True, eq=False)
class Invoice(AggregateRoot):
    tenant_id: UUID
    item_id: UUID
    fee_cents: int = 100  # EUR
    paid_at: datetime | None = None

    @property
    def fee(self) -> MoneyDTO:
        return MoneyDTO.of(Money(minor=self.fee_cents, currency="EUR"))

    def pay(self, now: datetime) -> None:
        if self.paid_at is not None:
            raise Conflict(f"The invoice was paid at {self.paid_at:%Y-%m-%d %H:%M} UTC.")
        self.paid_at = now
        self.record(InvoicePaid(aggregate_id=self.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDTO:
    id: UUID
    item_id: UUID
    fee: MoneyDTO
    paid_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListInvoices(Query[Page[InvoiceDTO]]):
    permission = "invoices:read"
    request: ListRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class GetInvoicesByIds(Query[Sequence[InvoiceDTO]]):
    permission = "invoices:read"
    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayInvoice(Command[None]):
    permission = "invoices:pay"
    id: UUID


class PayInvoiceHandler:
    def __init__(self, invoices: AsyncRepository[Invoice, UUID], clock: Clock) -> None:
        self._invoices, self._clock = invoices, clock

    async def handle(self, command: PayInvoice) -> None:
        invoice = await load(self._invoices, "invoice", command.id, None)
        invoice.pay(self._clock.now())
        await self._invoices.update(invoice)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    aggregate_id: UUID
    tenant_id: UUID
    after: str


def invoicing(invoices: AsyncRepository[Invoice, UUID], ids: IdGenerator) -> DurableSubscription:
    async def issue(event: StatusChanged) -> None:
        if event.after == "published":
            await invoices.create(Invoice(id=ids.new(), tenant_id=event.tenant_id, item_id=event.aggregate_id))

    return DurableSubscription(name="invoices.issue", event="items.status_changed.v1", payload=StatusChanged, handle=issue)
