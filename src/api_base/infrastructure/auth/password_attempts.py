"""Limits of wrong passwords [NIST SP 800-63B, section 3.2.2], without a lock that a stranger could hold.

A known device of the user has a limit of its own, for each address that it is used from. All other devices share one limit of the
account. An address has one over all accounts. Each allows some attempts in a row; further ones have to wait, the longer the more there
were, but never longer than `delay`. An attempt is charged before the password is compared, so that concurrent ones count, and given back
if the password is right.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from api_base.core.errors import TooManyRequests
from api_base.core.protocols import Limit, RateLimiter
from api_base.core.types import NO_REQUEST, current_context

type Charge = Sequence[tuple[str, Limit]]

_STEPS: Final = ((1, 16), (2, 4), (4, 1))
"""Attempts in a row, as a multiple of the first ones, and the part of the longest wait that each further one takes."""
_ADDRESS: Final = 3
"""The limit of an address, as a multiple of that of an account: several people may share it."""


class PasswordAttempts:
    """`failures` are allowed in a row; `delay` is the longest wait between two further attempts, in seconds."""

    def __init__(self, limiter: RateLimiter, failures: int, delay: float) -> None:
        self._limiter = limiter
        self._account, self._address = _limits(failures, delay), _limits(failures * _ADDRESS, delay)

    async def charge(self, account: str, device: UUID | None) -> Charge:
        """Charge one attempt. Raises `TooManyRequests`, and then charges nothing."""
        address = current_context.get(NO_REQUEST).address
        subject = account if device is None else f"{account} {device} {address}"
        keys = (*_keys(subject, self._account), *(_keys(f"address {address}", self._address) if address else ()))
        decisions = [(charge, await self._limiter.hit(*charge)) for charge in keys]
        charged = [charge for charge, decision in decisions if decision.allowed]
        if len(charged) < len(keys):
            await self.give_back(charged)
            wait = max(decision.retry_after for _, decision in decisions)
            raise TooManyRequests(f"Too many wrong passwords. Wait {wait:.1f} s before the next attempt.", retry_after=wait)
        return charged

    async def give_back(self, charge: Charge) -> None:
        """Undo a charge."""
        for key, limit in charge:
            await self._limiter.hit(key, limit, -1)


def _limits(failures: int, delay: float) -> tuple[Limit, ...]:
    return tuple(Limit(name="password", quota=1, window=delay / part, burst=failures * times) for times, part in _STEPS)


def _keys(subject: str, limits: Sequence[Limit]) -> list[tuple[str, Limit]]:
    return [(f"password {limit.burst} {subject}", limit) for limit in limits]
