"""A process that is killed between the commit of a change and the invalidation of what was cached: it renames a tenant, then sends itself SIGKILL.

It is forked from a process that has imported everything (multiprocessing's forkserver).
"""

import asyncio
import os
import signal
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from typing import Any
from uuid import UUID

from api_base.application.tenants.commands.rename_tenant import RenameTenant
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import build, opened
from api_base.core.config import Settings
from api_base.core.types import RequestContext, TenantId, UserId, current_context
from api_base.infrastructure.cache.query_cache import QueryCache


def loaded_parent() -> ForkServerContext:
    """Return a context whose processes are forked from one that has imported this module."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def rename_and_die(settings: Settings, user: UUID, tenant: UUID, name: str) -> None:
    asyncio.run(_rename(settings, UserId(user), TenantId(tenant), name))


async def _rename(settings: Settings, user: UserId, tenant: TenantId, name: str) -> None:
    async with opened(build(settings, BUILT_IN)) as services:
        principal = await services.container.access.resolve(user, tenant)
        current_context.set(RequestContext(request_id="renaming", principal=principal))
        QueryCache.changed = _die  # type: ignore[assignment,method-assign]
        await services.bus.execute(RenameTenant(id=tenant, expected_version=None, name=name))


async def _die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
