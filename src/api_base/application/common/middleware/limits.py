"""Charges the rate limits that a message declares, whichever protocol it comes by."""

from typing import Any

from api_base.application.common.cqrs import Message
from api_base.application.common.cqrs.bus import Call
from api_base.core.protocols import Limit, LimitReport, RateLimiter
from api_base.core.types import current_context


class LimitsMiddleware:
    """Raises `TooManyRequests` for a message of a client beyond one of its limits; the others are not charged then.

    What has no client's address (jobs, deliveries of events, other services, the command line) is not limited. `declared` are the limits of all
    messages.
    """

    def __init__(self, limiter: RateLimiter, report: LimitReport) -> None:
        self._limiter, self._report = limiter, report
        self.declared: list[Limit] = []

    def __call__(self, message_type: type[Message[Any]], call_next: Call) -> Call:
        limits, limiter, report, name = message_type.limits, self._limiter, self._report, message_type.__name__
        if not limits:
            return call_next
        self.declared += limits

        async def limited(message: Message[Any]) -> Any:
            context = current_context.get()
            if context.address:
                charges = [limit.charge(context.principal, context.address, name) for limit in limits]
                decision = await limiter.hit(charges)
                report.decided(charges, decision)
                if not decision.allowed:
                    raise decision.refusal("Too many requests of this kind.", charges)
            return await call_next(message)

        return limited
