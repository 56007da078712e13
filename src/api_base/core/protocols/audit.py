"""The trail of who did what."""

from typing import Protocol

from api_base.core.types.context import RequestContext


class AuditStore[TProvider](Protocol):
    """Changes are audited by the unit of work; what never reached one (a refusal) is stored here."""

    async def refused(self, context: RequestContext, method: str, status: int) -> None:
        """Keep a refusal (401, 403, a failed login) in a bounded transaction of its own."""
        ...
