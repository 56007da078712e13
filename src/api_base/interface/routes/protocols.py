"""Responses in the form of another specification, and bodies other than JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from starlette.types import Receive, Scope

from api_base.core.errors import ApiBaseError


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolAnswer:
    """`content` as JSON with this status. `error` is the reason of a refusal, for the audit trail; the client does not see it."""

    status: int
    content: Mapping[str, Any]
    error: ApiBaseError | None = None


@runtime_checkable
class BodyResolver(Protocol):
    """Resolves a parameter from the body of the request."""

    async def read(self, scope: Scope, receive: Receive, limit: int) -> Any:
        """Return the value of a body of at most `limit` bytes. Raises errors that have a problem, such as `BodyTooLarge`."""
        ...
