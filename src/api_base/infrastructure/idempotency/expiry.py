"""Clears away answers that have been kept long enough."""

from typing import Final

from api_base.infrastructure.db.pruner import BATCH, Pruner
from api_base.infrastructure.db.session import Database

_DELETE: Final = f"""
    delete from idempotency_keys where (tenant_id, user_id, route, key) in
        (select tenant_id, user_id, route, key from idempotency_keys where expires_at <= now() limit {BATCH})
"""


def key_expiry(database: Database) -> Pruner:
    """`database` is of the role `worker`."""
    return Pruner(database, _DELETE, "idempotency_keys_cleared")
