"""Clears away invitations that ended a month ago or longer."""

from typing import Final

from api_base.infrastructure.db.pruner import BATCH, Pruner
from api_base.infrastructure.db.session import Database

_DELETE: Final = f"""
    delete from invitations where (tenant_id, id) in
        (select tenant_id, id from invitations where expires_at < now() - interval '30 days' limit {BATCH})
"""


def invitation_expiry(database: Database) -> Pruner:
    """`database` is of the role `worker`."""
    return Pruner(database, _DELETE, "invitations_cleared")
