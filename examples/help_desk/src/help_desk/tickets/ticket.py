"""Tickets: a visitor who is signed in opens one, agents answer it. Each has a number within its tenant."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

import sqlalchemy as sa

from api_base import (
    MEMBERS,
    VIEWERS,
    CreateResource,
    Page,
    Ports,
    Query,
    Resource,
    ResourceDTO,
    Statement,
    TenantId,
    TextRule,
    UserId,
    crud,
    owned,
    request_tenant,
    request_user,
)

LIMIT = 100


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
    create=VIEWERS,
)


class OpenTicket:
    def __init__(self, ports: Ports) -> None:
        self._tickets = TICKETS.repository(ports.database)
        self._ids, self._clock, self._sequences = ports.ids, ports.clock, ports.sequences

    async def handle(self, command: CreateResource[TicketDTO]) -> TicketDTO:
        ticket = Ticket.create(
            id=self._ids.new(),
            now=self._clock.now(),
            tenant_id=request_tenant(),
            user_id=request_user(),
            number=await self._sequences.next("ticket_no"),
            **command.values,
        )
        return TICKETS.to_dto(await self._tickets.create(ticket))


@dataclass(frozen=True, slots=True, kw_only=True)
class MyTickets(Query[Page[TicketDTO]]):
    """The newest tickets of the caller, at most `LIMIT`."""

    permission = TICKETS.create.permission


class MyTicketsHandler:
    def __init__(self, ports: Ports) -> None:
        table, self._database = TICKETS.table, ports.database
        self._mine = Statement(
            sa.select(table)
            .where(owned(table), table.c.user_id == sa.bindparam("user", type_=sa.Uuid()))
            .order_by(table.c.created_at.desc(), table.c.id.desc())
            .limit(LIMIT)
        )

    async def handle(self, query: MyTickets) -> Page[TicketDTO]:
        rows = await self._database.fetch(self._mine, request_tenant(), user=request_user())
        found = [TICKETS.to_dto(TICKETS.mapping.from_row(row)) for row in rows]
        return Page(items=found, next_cursor=None)
