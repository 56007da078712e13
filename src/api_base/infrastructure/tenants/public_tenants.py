"""Tenants with public pages, by slug: a bounded cache, so that a busy page costs one statement per second."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from api_base.core.errors import Invalid
from api_base.core.protocols import PublicTenants
from api_base.core.types import TenantId
from api_base.domain.common.value_objects import Slug
from api_base.infrastructure.db.schema import TENANT_SLUG
from api_base.infrastructure.db.session import Database

FRESH: Final = 1.0
"""Seconds. As with any other right, a page is no longer public a second after its tenant ends it."""
CAPACITY: Final = 10_000

_NAMED: Final = f"""
select i.id from (select set_config('{TENANT_SLUG}', $1, true) as slug offset 0) s
cross join lateral (select id from tenants where slug = s.slug and public_pages offset 0) i
"""
"""The policy `tenants_app_by_slug` shows the tenant whose slug is the setting, if it has public pages, and no other."""


class SqlPublicTenants(PublicTenants):
    """Implements `PublicTenants`. What is not found is remembered as well, so that its answer takes the same way. The oldest entry leaves first.

    `now` returns seconds of a monotonic clock.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.monotonic, capacity: int = CAPACITY) -> None:
        self._database, self._now, self._capacity = database, now, capacity
        self._known: OrderedDict[str, tuple[TenantId | None, float]] = OrderedDict()

    async def named(self, slug: str) -> TenantId | None:
        try:
            exact = Slug.parse(slug).value == slug
        except Invalid:
            return None
        if not exact:
            return None
        found, until = self._known.get(slug, (None, 0.0))
        if until <= self._now():
            until = self._now() + FRESH
            found = await self._database.run(lambda connection: connection.fetchval(_NAMED, slug))
            self._known[slug] = found, until
            self._known.move_to_end(slug)
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
        return found
