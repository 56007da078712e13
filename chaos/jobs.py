"""The job of the chaos context: a subscriber enqueues it with its effect; it leaves an effect of its own and returns its id."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.application.common.jobs import Job
from api_base.core.protocols import AsyncRepository, IdGenerator
from api_base.core.types import request_tenant
from chaos.effects import Effect
from chaos.points import IN_JOB, Watch

NAME: Final = "chaos.note"
"""The name of the job, and the subscription of its effects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Command[UUID]):
    """Internal. Handles an event of an item."""

    permission = PUBLIC
    event_id: UUID
    item_id: UUID


class NoteHandler:
    def __init__(self, effects: AsyncRepository[Effect, UUID], ids: IdGenerator, watch: Watch) -> None:
        self._effects, self._ids, self._watch = effects, ids, watch

    async def handle(self, command: Note) -> UUID:
        self._watch.come_by([IN_JOB])
        effect = Effect(
            id=self._ids.new(), tenant_id=request_tenant(), subscription=NAME, event_id=command.event_id, aggregate_id=command.item_id
        )
        return (await self._effects.create(effect)).id


JOB: Final = Job(name=NAME, message=Note)
