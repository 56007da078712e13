"""Calls of deprecated routes since the last report, by tenant and client. A process that serves reports them in batches.

Their number is bounded: clients beyond `MAX_CLIENTS` of a tenant, and tenants beyond `MAX_TENANTS`, count as the client `OTHERS`, and so do all of a
route, without their tenant, beyond `MAX_CALLS`.
"""

import re
from typing import Final, NamedTuple
from uuid import UUID

from api_base.core.types import NO_TENANT

MAX_CLIENTS: Final = 50
MAX_TENANTS: Final = 10_000
MAX_CALLS: Final = 10_000
"""Different calls between two reports, or while PostgreSQL does not take any."""
OTHERS: Final = "(others)"
UNNAMED: Final = "(unnamed)"
_PRODUCT: Final = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}(?:/[A-Za-z0-9!#$%&'*+.^_`|~-]{1,32})?")
"""The first product of `User-Agent` [RFC 9110, section 10.1.5], which is the most significant one."""


class Call(NamedTuple):
    """`route` is method and path template; `tenant` is `NO_TENANT` without one."""

    route: str
    tenant: UUID
    client: str


class DeprecatedCalls:
    """Counts nothing before `open`: without a report, nothing would take the counts away."""

    def __init__(self) -> None:
        self._counts: dict[Call, int] | None = None
        self._clients: dict[UUID, set[str]] = {}

    def open(self) -> None:
        """Start to count."""
        self._counts = {}

    def count(self, route: str, tenant: UUID | None, user_agent: bytes) -> None:
        """Count one call."""
        if self._counts is not None:
            owner = tenant or NO_TENANT
            call = Call(route, owner, self._client(owner, user_agent))
            if call not in self._counts and len(self._counts) >= MAX_CALLS:
                call = Call(route, NO_TENANT, OTHERS)
            self._counts[call] = self._counts.get(call, 0) + 1

    def take(self) -> dict[Call, int]:
        """Return the counts, and begin again."""
        taken = self._counts or {}
        self._counts = {}
        return taken

    def put_back(self, counts: dict[Call, int]) -> None:
        """Add counts that could not be reported."""
        now = self.take()
        self._counts = counts
        for call, times in now.items():
            counts[call] = counts.get(call, 0) + times

    def _client(self, tenant: UUID, user_agent: bytes) -> str:
        product = _PRODUCT.match(user_agent)
        name = UNNAMED if product is None else product[0].decode()
        if tenant not in self._clients and len(self._clients) >= MAX_TENANTS:
            return OTHERS
        known = self._clients.setdefault(tenant, set())
        if name not in known:
            if len(known) >= MAX_CLIENTS:
                return OTHERS
            known.add(name)
        return name
