"""A message sent from one service to another."""

from dataclasses import dataclass, field

from api_base.core.errors import ProgrammingError


class NotServed(ProgrammingError):
    """The service has no such message, or its fields differ: caller and service disagree about their contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCall:
    """The `name` of a message and its JSON as `body`; `seconds` remain to answer it.

    `access_token` is the caller's, or empty; `key` is an idempotency key. `request_id` and `traceparent` are those of the request that caused
    the call, or empty. `redelivered`: the call was begun before, with an unknown outcome.
    """

    name: str
    body: bytes
    seconds: float
    access_token: str = field(default="", repr=False)
    key: str | None = None
    request_id: str = ""
    traceparent: str = ""
    redelivered: bool = False
