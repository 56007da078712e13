"""Runs the messages of public pages as visits: without the rights of their caller, for the tenant that they name."""

from typing import Any, Final

from api_base.application.common.cqrs import Command, Message
from api_base.application.common.cqrs.bus import Call
from api_base.core.errors import NotFound
from api_base.core.protocols import Limit, PublicTenants, RateLimiter
from api_base.core.types import current_context

UNKNOWN_TENANTS: Final = Limit(name="unknown-tenants", quota=60, window=60, burst=30)
"""How often an address may name a tenant that has no public pages. Beyond it, no page is shown to the address."""


class VisitMiddleware:
    """Raises `NotFound` for a tenant without public pages, as for a slug that no tenant has; `TooManyRequests` after too many of them.

    The limit applies to clients with an address, as the limits of messages do.
    """

    def __init__(self, tenants: PublicTenants, limiter: RateLimiter) -> None:
        self._tenants, self._limiter = tenants, limiter

    def __call__(self, message_type: type[Message[Any]], call_next: Call) -> Call:
        field = message_type.public_of
        if field is None:
            return call_next

        writes = issubclass(message_type, Command)

        async def visited(message: Message[Any]) -> Any:
            slug: str = getattr(message, field)
            context = current_context.get()
            charge = UNKNOWN_TENANTS.charge(None, context.address, "")
            if context.address and not (decision := await self._limiter.hit([charge._replace(checked=True)])).allowed:
                raise decision.refusal("Too many tenants were named that have no public pages.", [charge])
            tenant_id = await self._tenants.named(slug)
            if tenant_id is None:
                if context.address:
                    await self._limiter.hit([charge])
                raise NotFound("tenant", slug)
            token = current_context.set(context.visiting(tenant_id, writes=writes))
            try:
                return await call_next(message)
            finally:
                current_context.reset(token)

        return visited
