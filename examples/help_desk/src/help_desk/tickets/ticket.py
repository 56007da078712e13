"""Tickets: visitors who are signed in open them, agents answer. Each has a number within its tenant."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from api_base import (
    AUTHENTICATED,
    MEMBERS,
    PUBLIC,
    Command,
    CreateResource,
    Limit,
    ListRequest,
    Page,
    Ports,
    Query,
    Resource,
    ResourceDTO,
    TenantId,
    TextRule,
    UserId,
    crud,
    readable_tenant,
    request_user,
    resource_table,
)


class State(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"


@dataclass(slots=True, kw_only=True, eq=False)
class Ticket(Resource):
    managed: ClassVar[frozenset[str]] = Resource.managed | {"number"}
    tenant_id: TenantId
    user_id: UserId
    number: int
    title: Annotated[str, TextRule(max_length=200)]
    body: Annotated[str, TextRule(max_length=10_000, lines=True)]
    state: State = State.OPEN
    team_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketDTO(ResourceDTO):
    number: int
    title: str
    body: str
    state: State
    team_id: UUID | None


TICKETS = crud(
    Ticket,
    TicketDTO,
    name="tickets",
    filters=("number", "state", "team_id", "created_at"),
    sorts=("number", "created_at"),
    search=("title", "body"),
    paging="offset",
    read=MEMBERS,
    table=resource_table(Ticket, "tickets", own="user_id", visitors_write=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTicket(Command[TicketDTO]):
    permission = AUTHENTICATED
    public_of = "tenant"
    limits = (Limit(name="tickets", quota=60, window=3600, burst=10),)
    tenant: str
    values: dict[str, object]


class OpenTicketHandler:
    def __init__(self, ports: Ports) -> None:
        self._tickets = TICKETS.repository(ports.database)
        self._ids, self._clock, self._sequences = ports.ids, ports.clock, ports.sequences

    async def handle(self, command: OpenTicket | CreateResource[TicketDTO]) -> TicketDTO:
        ticket = Ticket.create(
            id=self._ids.new(),
            now=self._clock.now(),
            tenant_id=readable_tenant(),
            user_id=request_user(),
            number=await self._sequences.next("ticket_no"),
            **command.values,
        )
        return TICKETS.to_dto(await self._tickets.create(ticket))


@dataclass(frozen=True, slots=True, kw_only=True)
class MyTickets(Query[Page[TicketDTO]]):
    permission = PUBLIC
    public_of = "tenant"
    tenant: str
    request: ListRequest
