"""Manage jobs for operators, as the database role `worker`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from api_base.bootstrap.context import Context
from api_base.bootstrap.services import build
from api_base.core.config import Settings
from api_base.infrastructure.tasks.admin import JobAdmin


@asynccontextmanager
async def job_admin(settings: Settings, contexts: Sequence[Context]) -> AsyncIterator[JobAdmin]:
    """Open the administration of jobs. Raises `Unavailable` if the database cannot be reached."""
    database = build(settings, contexts).container.worker_database
    await database.open()
    try:
        yield JobAdmin(database.pool, settings.jobs.keep_days)
    finally:
        await database.close()
