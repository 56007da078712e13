"""A message on its way from one service to another."""

from dataclasses import dataclass, field

from api_base.core.errors import ProgrammingError


class NotServed(ProgrammingError):
    """The service has no such message, or it has other fields: caller and service disagree about their contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCall:
    """`name` of the message and its JSON; `seconds` that are left to answer it.

    `access_token` is the caller's, empty for nobody's; `key` an idempotency key. `request_id` and `traceparent` are those of the
    request that caused it, empty where there are none. `again`: it was begun before, and nobody knows what became of it.
    """

    name: str
    body: bytes
    seconds: float
    access_token: str = field(default="", repr=False)
    key: str | None = None
    request_id: str = ""
    traceparent: str = ""
    again: bool = False
