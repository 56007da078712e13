"""The messages of the subprotocol `api-base.v1`: JSON objects with a `type`. A request may have an `id`, which its answer repeats.

docs/websocket.md describes them.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from api_base.application.common.realtime import ChannelEvent, Member
from api_base.core.errors import ApiBaseError
from api_base.core.errors.json_syntax import json_reason
from api_base.core.shared.json_depth import MAX_DEPTH, too_deep
from api_base.core.shared.strict_json import strict_json
from api_base.interface.errors.handlers import internal_problem, invalid_body, problem_of
from api_base.interface.errors.http import MalformedBody
from api_base.interface.websocket.socket import TextMessage

_encode: Final = msgspec.json.Encoder().encode

type Text = Annotated[str, Field(min_length=1, max_length=4096)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    id: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class Authenticate(_Request):
    """The first message of a client without an Authorization header."""

    type: Literal["authenticate"]
    token: Text | None = None
    ticket: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> "Authenticate":
        if (self.token is None) == (self.ticket is None):
            raise ValueError("must contain either token or ticket")
        return self


class Renew(_Request):
    """Continue with a fresh token of the same user, session and tenant."""

    type: Literal["renew"]
    token: Text


class Subscribe(_Request):
    """`position` is that of the last event that the client has. `slow` says what happens while the client reads slowly: `close` closes the
    connection with 1013, `newest` drops the oldest events."""

    type: Literal["subscribe"]
    channel: Annotated[str, Field(min_length=1, max_length=200)]
    position: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    presence: bool = False
    slow: Literal["close", "newest"] = "close"


class Unsubscribe(_Request):
    type: Literal["unsubscribe"]
    channel: Annotated[str, Field(min_length=1, max_length=200)]


class Presence(_Request):
    """Ask who is present in a channel of this connection."""

    type: Literal["presence"]
    channel: Annotated[str, Field(min_length=1, max_length=200)]


class Ping(_Request):
    type: Literal["ping"]


type Request = Annotated[Authenticate | Renew | Subscribe | Unsubscribe | Presence | Ping, Field(discriminator="type")]

REQUESTS: Final[TypeAdapter[Request]] = TypeAdapter(Request)


def request_of(text: str) -> Request:
    """Return the request in a message. Raises `MalformedBody` for one that is not I-JSON [RFC 7493], and `Invalid`."""
    raw = text.encode()
    if too_deep(raw):
        raise MalformedBody(f"The message is nested more than {MAX_DEPTH} levels deep.")
    try:
        document = strict_json(raw)
    except ValueError as error:
        raise MalformedBody(f"The message is not JSON: {json_reason(str(error))}.") from None
    try:
        return REQUESTS.validate_python(document)
    except ValidationError as error:
        raise invalid_body(error, document) from None


def answer(type: str, id: str | None, **members: Any) -> TextMessage:
    """Return an answer, or what the server sends by itself if `id` is None."""
    return TextMessage(_encode({"type": type, **({} if id is None else {"id": id}), **members}))


def failure(error: Exception, id: str | None, request_id: str) -> TextMessage:
    """Return the problem of an error, as HTTP has it: one that is unexpected reveals nothing."""
    problem = (problem_of(error) if isinstance(error, ApiBaseError) else None) or internal_problem()
    return answer("error", id, problem=problem.members(request_id=request_id))


class EventMessages:
    """The messages of the last events, each encoded once for all connections of the process."""

    def __init__(self, capacity: int = 512) -> None:
        self._capacity = capacity
        self._kept: dict[int, tuple[ChannelEvent, TextMessage]] = {}

    def of(self, event: ChannelEvent) -> TextMessage:
        """Return the message of an event. An event is recognized by its identity: two tenants have channels of the same name."""
        found = self._kept.get(id(event))
        if found is not None and found[0] is event:
            return found[1]
        if len(self._kept) >= self._capacity:
            del self._kept[next(iter(self._kept))]
        content = {
            "type": "event",
            "channel": event.channel,
            "position": str(event.position),
            "event": {"id": event.id, "name": event.name, "at": event.at, "data": msgspec.Raw(event.data)},
        }
        message = TextMessage(_encode(content))
        self._kept[id(event)] = event, message
        return message


def user_ids(members: Sequence[Member]) -> list[UUID]:
    """Return who is present, as clients see it."""
    return [member.user_id for member in members]
