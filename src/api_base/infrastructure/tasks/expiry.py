"""Clears away jobs that have ended and been kept long enough."""

from typing import Final

from api_base.infrastructure.db.pruner import BATCH, Pruner
from api_base.infrastructure.db.session import Database

_DELETE: Final = f"""
    delete from jobs where (tenant_id, id) in (select tenant_id, id from jobs where expires_at <= now() order by expires_at limit {BATCH})
"""


def job_expiry(database: Database) -> Pruner:
    """`database` is of the role `worker`."""
    return Pruner(database, _DELETE, "jobs_cleared")
