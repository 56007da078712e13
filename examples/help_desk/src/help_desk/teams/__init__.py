"""The context `teams`: the teams of a tenant, and which agents are in them."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from api_base import (
    ADMINS,
    MEMBERS,
    Bus,
    Command,
    NotFound,
    Ports,
    Resource,
    ResourceDTO,
    Router,
    SqlRelation,
    TenantId,
    TextRule,
    Unauthenticated,
    UserId,
    crud,
    on,
    relation_table,
    request_tenant,
)
from help_desk.desk import of_desk


@dataclass(slots=True, kw_only=True, eq=False)
class Team(Resource):
    tenant_id: TenantId
    title: Annotated[str, TextRule(max_length=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamDTO(ResourceDTO):
    title: str


TEAMS = crud(Team, TeamDTO, name="teams", sorts=("title",), create=ADMINS, update=ADMINS)
AGENTS = relation_table("team_agents", {"team_id": TEAMS.table, "user_id": None})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceAgent(Command[None]):
    permission = TEAMS.update.permission
    team_id: UUID
    user_id: UUID
    on: bool


class PlaceAgentHandler:
    def __init__(self, ports: Ports) -> None:
        self._agents = SqlRelation(ports.database, AGENTS, ports.audit_writer, ports.clock)
        self._principals = ports.principals

    async def handle(self, command: PlaceAgent) -> None:
        if command.on and not await self._answers_tickets(command.user_id):
            raise NotFound("agent", command.user_id)
        change = self._agents.put if command.on else self._agents.drop
        await change(team_id=command.team_id, user_id=command.user_id)

    async def _answers_tickets(self, user_id: UUID) -> bool:
        try:
            agent = await self._principals.resolve(UserId(user_id), request_tenant())
        except Unauthenticated:  # nobody, or no member of this tenant
            return False
        return agent.role in MEMBERS


def routes(bus: Bus) -> Router:
    router = Router(prefix="/teams", tags=["teams"])

    @router.put("/{id}/agents/{user_id}", status_code=204, summary="Add an agent to a team")
    async def add_agent(id: UUID, user_id: UUID) -> None:
        await bus.execute(PlaceAgent(team_id=id, user_id=user_id, on=True))

    @router.delete("/{id}/agents/{user_id}", status_code=204, summary="Remove an agent of a team")
    async def remove_agent(id: UUID, user_id: UUID) -> None:
        await bus.execute(PlaceAgent(team_id=id, user_id=user_id, on=False))

    return router


CONTEXT = of_desk(
    TEAMS.context(
        handlers=lambda ports: [on(PlaceAgent, PlaceAgentHandler(ports))],
        routes=routes,
        tables=(AGENTS,),
    )
)
