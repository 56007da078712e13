"""Subscriptions: the events of a channel, as the real-time hub delivers and recovers them.

The first message says where the channel stands, and whether everything after `after` follows (`recovered`). `reset`: something is missing, so
read the state again; events after `position` follow. A client that does not keep up gets a reset instead of the events that were dropped.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
import strawberry
from strawberry import UNSET
from strawberry.types import Info
from strawberry.types.field import StrawberryField

from api_base.application.common.realtime import ChannelEvent, Position, PresenceChange
from api_base.core.errors import Forbidden, Unauthenticated
from api_base.interface.graphql import ids
from api_base.interface.graphql.declared import Node
from api_base.interface.graphql.fields import REQUIRED, Argument, field, object_type, plain_field, stream_field
from api_base.interface.graphql.relations import load_node
from api_base.interface.graphql.scalars import Json
from api_base.interface.graphql.types import Types

MAX_QUEUED: Final = 256
"""Events of one subscription that wait for the client."""


@strawberry.type(description="An event of a channel.")
class Event:
    id: UUID
    name: str = strawberry.field(description="The type of the event, with its version.")
    at: datetime
    data: Json = strawberry.field(description="The public payload of the event.")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a subscription. `id` is that of the object whose channel it is."""

    position: Position
    recovered: bool | None = None
    reset: bool = False
    event: ChannelEvent | None = None
    id: UUID | None = None


class Queue:
    """The `Subscriber` of one subscription."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._most = MAX_QUEUED
        self._error: Exception | None = None
        self._waiting = asyncio.Event()

    def deliver(self, events: Sequence[ChannelEvent]) -> None:
        """Add events. When there are too many, all are dropped for a reset at the last position."""
        if not self._messages:  # what was recovered comes in one delivery, which the hub bounds
            self._most = MAX_QUEUED + len(events)
        self._messages.extend(Message(event.position, event=event) for event in events)
        if len(self._messages) > self._most:
            last = self._messages[-1].position
            self._messages.clear()
            self._messages.append(Message(last, reset=True))
        self._waiting.set()

    def reset(self, channel: str, position: Position) -> None:
        """Add a reset, which makes older messages pointless."""
        del channel
        self._messages.clear()
        self._messages.append(Message(position, reset=True))
        self._waiting.set()

    def ended(self, channel: str, reason: str) -> None:
        """End the subscription after the messages that wait."""
        self.fail(Forbidden(f"The subscription to {channel} has ended: {reason}."))

    def presence(self, channel: str, change: PresenceChange) -> None:
        """Ignore who is present: the subscription did not ask for it."""

    def fail(self, error: Exception) -> None:
        """Raise `error` after the messages that wait."""
        self._error = error
        self._waiting.set()

    async def next(self) -> Message:
        """Return the next message. Raises the error with which the subscription ended."""
        while not self._messages:
            if self._error is not None:
                raise self._error
            self._waiting.clear()
            await self._waiting.wait()
        return self._messages.popleft()


async def messages(info: Info, channel: str, after: str | None) -> AsyncGenerator[Message]:
    """Yield the messages of a channel, until the session of the connection ends. Raises what `RealtimeSession.subscribe` raises."""
    session = info.context.session
    if session is None:
        raise Unauthenticated("A subscription requires authentication. Send an access token.")
    queue = Queue()
    position = None if after is None else Position.parse(after, "/path/after")
    async with session.subscribed(channel, position, queue) as started:
        yield Message(started.position, recovered=started.recovered, reset=started.recovered is False)
        while True:
            yield await queue.next()


def subscription_fields(types: Types) -> Mapping[str, StrawberryField]:
    """Return `events`, and one field for the changes of each type of node with a channel."""
    fields = {"events": _events()}
    for node in types.by_name.values():
        if node.channel is not None:
            fields[f"{node.name[0].lower()}{node.name[1:]}Changed"] = _changed(node, node.channel, types)
    return fields


_MEMBERS: Final = {
    "position": (lambda message: str(message.position), str, "Send it as `after` to continue here."),
    "recovered": (lambda message: message.recovered, bool | None, "In the first message after `after`: whether nothing is missing."),
    "reset": (lambda message: message.reset, bool, "Something is missing: read the state again."),
    "event": (lambda message: _event(message.event), Event | None, "Null in the first message, and in a reset."),
}
_AFTER: Final[Argument] = (
    Annotated[str | None, strawberry.argument(description="The position of the last message that was received.")],
    UNSET,
)


def _members() -> dict[str, StrawberryField]:
    return {name: plain_field(*one) for name, one in _MEMBERS.items()}


def _event(event: ChannelEvent | None) -> Event | None:
    return None if event is None else Event(id=event.id, name=event.name, at=event.at, data=msgspec.json.decode(event.data))


def _events() -> StrawberryField:
    def subscribe(root: Any, info: Info, channel: str, after: Any = UNSET) -> AsyncGenerator[Message]:
        del root
        return messages(info, channel, after if isinstance(after, str) else None)

    about = strawberry.argument(description="Such as `tenant`, `user` or `items/<id in the REST API>`.")
    description = "The events of a channel, beginning with those after a position."
    return stream_field(
        subscribe, object_type("ChannelMessage", _members()), description, {"channel": (Annotated[str, about], REQUIRED), "after": _AFTER}
    )


def _changed(node: Node, channel: str, types: Types) -> StrawberryField:
    async def subscribe(root: Any, info: Info, id: str, after: Any = UNSET) -> AsyncGenerator[Message]:
        del root
        key = ids.decode_as(node.name, id, "id")
        async with aclosing(messages(info, f"{channel}/{key}", after if isinstance(after, str) else None)) as found:
            async for one in found:
                yield Message(one.position, one.recovered, one.reset, one.event, key)

    async def current(root: Any, info: Info) -> Any:
        return await load_node(info, node, root.id)

    member = node.name[0].lower() + node.name[1:]
    shown = field(current, types.of(node.dto) | None, "As it is now. Null if it does not exist any longer.")
    made = object_type(f"{node.name}Message", {**_members(), member: shown})
    return stream_field(subscribe, made, f"The changes of one {node.name}.", {"id": (strawberry.ID, REQUIRED), "after": _AFTER})
