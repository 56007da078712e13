"""Answers whose form another specification governs, and bodies that are no JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from starlette.types import Receive, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolAnswer:
    """`content` as JSON with this status."""

    status: int
    content: Mapping[str, Any]


@runtime_checkable
class BodyResolver(Protocol):
    """Makes a parameter's value of the request's body."""

    async def read(self, scope: Scope, receive: Receive, limit: int) -> Any:
        """The value, of at most `limit` bytes. Raises errors that have a problem, such as `BodyTooLarge`."""
        ...
