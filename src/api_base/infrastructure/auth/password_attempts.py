"""Limits of wrong passwords [NIST SP 800-63B, section 3.2.2], without a lock that a stranger could hold.

A known device of the user has a limit of its own, for each address that it is used from. All other devices share one limit of the
account. An address has one over all accounts. Each allows some attempts in a row; further ones have to wait, the longer the more there
were, but never longer than `delay`. An attempt is charged before the password is compared, so that concurrent ones count, and given back
if the password is right.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from api_base.core.protocols import Charge, Rate, RateLimiter
from api_base.core.types import NO_REQUEST, current_context

_STEPS: Final = ((1, 16), (2, 4), (4, 1))
"""Attempts in a row, as a multiple of the first ones, and the part of the longest wait that each further one takes."""
_ADDRESS: Final = 3
"""The limit of an address, as a multiple of that of an account: several people may share it."""


class PasswordAttempts:
    """`failures` are allowed in a row; `delay` is the longest wait between two further attempts, in seconds."""

    def __init__(self, limiter: RateLimiter, failures: int, delay: float) -> None:
        self._limiter = limiter
        self._account, self._address = _rates(failures, delay), _rates(failures * _ADDRESS, delay)

    async def charge(self, account: str, device: UUID | None) -> Sequence[Charge]:
        """Charge one attempt. Raises `TooManyRequests`, and then charges nothing."""
        address = current_context.get(NO_REQUEST).address
        subject = account if device is None else f"{account} {device} {address}"
        charges = _charges(f"account {subject}", self._account) + (_charges(f"address {address}", self._address) if address else [])
        decision = await self._limiter.hit(charges)
        if not decision.allowed:
            raise decision.refusal("Too many wrong passwords.", charges)
        return charges

    async def give_back(self, charges: Sequence[Charge]) -> None:
        """Undo what was charged."""
        await self._limiter.hit([charge._replace(cost=-1) for charge in charges])


def _rates(failures: int, delay: float) -> tuple[Rate, ...]:
    return tuple(Rate(1, delay / part, failures * times) for times, part in _STEPS)


def _charges(partition: str, rates: Sequence[Rate]) -> list[Charge]:
    return [Charge(partition, f"password-{rate.burst}", rate) for rate in rates]
