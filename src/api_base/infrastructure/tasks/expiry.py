"""Clears away jobs that have ended and been kept long enough."""

from typing import Final

from api_base.infrastructure.db.expiry import BATCH, Expiry
from api_base.infrastructure.db.session import Database

_DELETE: Final = f"""
    delete from jobs where (tenant_id, id) in (select tenant_id, id from jobs where expires_at <= now() order by expires_at limit {BATCH})
"""


def job_expiry(database: Database) -> Expiry:
    """`database` is of the role `worker`."""
    return Expiry(database, _DELETE, "jobs_cleared")
