"""The audit trail: who did what."""

from typing import Protocol

from api_base.core.errors import ApiBaseError
from api_base.core.types.context import RequestContext


class AuditStore[TProvider](Protocol):
    """Records refusals. The unit of work records changes itself."""

    async def refused(self, context: RequestContext, method: str, route: str, status: int, error: ApiBaseError | None) -> None:
        """Record that a request was refused, in a transaction of its own with a time limit. Never raises.

        `error` is the reason, if known; an `AuditedRefusal` names the action and the account.
        """
        ...
