"""Attach a file to an aggregate of any context, and take it away again.

A context declares what files can be attached to (`Context.attachable`): the kind, the permission over it, and the query that finds one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from api_base.application.common.aggregates import found
from api_base.application.common.cqrs import AUTHENTICATED, Bus, Command, Query
from api_base.application.services.file_upload import permissions
from api_base.core.errors import NotFound
from api_base.core.protocols import Clock, IdGenerator, Isolation, PermissionChecker
from api_base.core.shared.places import Declaration
from api_base.core.types import current_context, request_tenant
from api_base.domain.common.text import TextRule
from api_base.domain.files.attachment import MAX_SLOT_LENGTH, Attachment
from api_base.domain.files.repository import AttachmentRepository, FileRepository

SLOT: Final = TextRule(max_length=MAX_SLOT_LENGTH, key=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachable(Declaration):
    """Aggregates to which files can be attached. `kind` is the last part of their path, such as `items`.

    A caller needs `permission` to attach. `read` returns the query that finds the aggregate with an id, for its readers, or raises `NotFound`.
    """

    kind: str
    permission: str
    read: Callable[[UUID], Query[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentDTO:
    kind: str
    entity_id: UUID
    slot: str
    file_id: UUID
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, attachment: Attachment) -> "AttachmentDTO":
        return cls(
            kind=attachment.kind,
            entity_id=attachment.entity_id,
            slot=attachment.slot,
            file_id=attachment.file_id,
            version=attachment.version,
            created_at=attachment.created_at,
            updated_at=attachment.updated_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GetAttachment(Query[AttachmentDTO]):
    """For the readers of what the file is attached to."""

    permission = permissions.READ
    kind: str
    entity_id: UUID
    slot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachFile(Command[AttachmentDTO]):
    """Fill the slot, or put another file into it. The kind decides which permission is needed."""

    permission = permissions.READ
    isolation = Isolation.NONE
    kind: str
    entity_id: UUID
    slot: str
    file_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachFile(Command[None]):
    permission = permissions.READ
    isolation = Isolation.NONE
    kind: str
    entity_id: UUID
    slot: str
    expected_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FillSlot(Command[AttachmentDTO]):
    """Internal: no route sends it."""

    permission = AUTHENTICATED
    kind: str
    entity_id: UUID
    slot: str
    file_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptySlot(Command[None]):
    """Internal: no route sends it."""

    permission = AUTHENTICATED
    kind: str
    entity_id: UUID
    slot: str
    expected_version: int | None


class EmptySlotHandler:
    def __init__(self, attachments: AttachmentRepository) -> None:
        self._attachments = attachments

    async def handle(self, command: EmptySlot) -> None:
        """Raises `NotFound` for a slot that is empty already, `StaleVersion`."""
        stored = await self._attachments.of(command.kind, command.entity_id, command.slot)
        attachment = found(stored, "attachment", command.slot, command.expected_version)
        attachment.detach()
        await self._attachments.remove(attachment)


class FillSlotHandler:
    def __init__(self, attachments: AttachmentRepository, files: FileRepository, ids: IdGenerator, clock: Clock) -> None:
        self._attachments, self._files, self._ids, self._clock = attachments, files, ids, clock

    async def handle(self, command: FillSlot) -> AttachmentDTO:
        """Raises `NotFound` for a file that the tenant does not have, `FileNotReady`."""
        attachment = await self._attachments.of(command.kind, command.entity_id, command.slot)
        file = await self._files.get(command.file_id)
        if file is None:
            raise NotFound("file", command.file_id)
        file.content()
        if attachment is not None:
            if attachment.replace(command.file_id, self._clock.now()):
                await self._attachments.update(attachment)
            return AttachmentDTO.of(attachment)
        made = Attachment.attach(
            id=self._ids.new(),
            tenant_id=request_tenant(),
            kind=command.kind,
            entity_id=command.entity_id,
            slot=command.slot,
            file_id=command.file_id,
            now=self._clock.now(),
        )
        return AttachmentDTO.of(await self._attachments.create(made))


class AttachableKinds:
    """Checks what a file is attached to. `attachable` are those of all contexts, by kind."""

    def __init__(self, bus: Bus, attachable: Mapping[str, Attachable], checker: PermissionChecker) -> None:
        self._bus, self._attachable, self._checker = bus, attachable, checker

    async def checked(self, message: GetAttachment | AttachFile | DetachFile) -> str:
        """Return the slot. Raises `Invalid`, `Forbidden`, and `NotFound`, also for an aggregate of another tenant.

        From an aggregate that was deleted, who may delete files may detach them: otherwise nobody could delete them.
        """
        slot = SLOT.parse(message.slot, "/path/slot")
        declared = self._attachable.get(message.kind)
        if declared is None:
            raise NotFound("kind of resource", message.kind)
        if not isinstance(message, GetAttachment):
            self._checker.check(current_context.get().principal, declared.permission)
        try:
            await self._bus.execute(declared.read(message.entity_id))
        except NotFound:
            if not isinstance(message, DetachFile):
                raise
            self._checker.check(current_context.get().principal, permissions.DELETE)
        return slot


class GetAttachmentHandler:
    def __init__(self, kinds: AttachableKinds, attachments: AttachmentRepository) -> None:
        self._kinds, self._attachments = kinds, attachments

    async def handle(self, query: GetAttachment) -> AttachmentDTO:
        """Raises what `AttachableKinds.checked` raises, `NotFound` for an empty slot."""
        slot = await self._kinds.checked(query)
        attachment = await self._attachments.of(query.kind, query.entity_id, slot)
        return AttachmentDTO.of(found(attachment, "attachment", slot, None))


class AttachFileHandler:
    def __init__(self, bus: Bus, kinds: AttachableKinds) -> None:
        self._bus, self._kinds = bus, kinds

    async def handle(self, command: AttachFile) -> AttachmentDTO:
        """Raises what `AttachableKinds.checked` and `FillSlotHandler` raise."""
        slot = await self._kinds.checked(command)
        return await self._bus.execute(FillSlot(kind=command.kind, entity_id=command.entity_id, slot=slot, file_id=command.file_id))


class DetachFileHandler:
    def __init__(self, bus: Bus, kinds: AttachableKinds) -> None:
        self._bus, self._kinds = bus, kinds

    async def handle(self, command: DetachFile) -> None:
        """Raises what `AttachableKinds.checked` and `EmptySlotHandler` raise."""
        slot = await self._kinds.checked(command)
        empty = EmptySlot(kind=command.kind, entity_id=command.entity_id, slot=slot, expected_version=command.expected_version)
        await self._bus.execute(empty)
