"""The evaluation context of a request: who calls, as the access token says, and never as the client says."""

from collections.abc import Mapping
from typing import Any, Final

from api_base.core.types import NO_REQUEST, Principal, current_context

IDENTITY: Final = frozenset({"user", "tenant", "plan", "role"})
"""The attributes of the principal. Without a principal, or without a tenant, they are absent."""
_NOTHING: Final[Mapping[str, Any]] = {}


class RequestAttributes:
    """The attributes of the principal of the current request, read when a rule asks for them; `others` are attributes of other names."""

    __slots__ = ("_others", "_principal")

    def __init__(self, others: Mapping[str, Any] = _NOTHING) -> None:
        self._principal, self._others = current_context.get(NO_REQUEST).principal, others

    def get(self, name: str, /) -> object:
        """Return the attribute, or None."""
        if name in IDENTITY:
            return None if self._principal is None else _identity(self._principal, name)
        return self._others.get(name)


def _identity(principal: Principal, name: str) -> str | None:
    match name:
        case "user":
            return str(principal.user_id)
        case "tenant":
            return None if principal.tenant_id is None else str(principal.tenant_id)
        case "role":
            return principal.role
    return principal.plan
