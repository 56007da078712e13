"""Clears away sessions that ended a day ago or longer; until then a late token is still told apart from rubbish."""

from typing import Final

from api_base.infrastructure.db.expiry import BATCH, Expiry
from api_base.infrastructure.db.session import Database

_ENDED: Final = "least(expires_at, coalesce(revoked_at, 'infinity')) < now() - interval '1 day'"
_DELETE: Final = f"""
    delete from sessions where (user_id, id) in (select user_id, id from sessions where {_ENDED} limit {BATCH})
"""


def session_expiry(database: Database) -> Expiry:
    """`database` is of the role `worker`."""
    return Expiry(database, _DELETE, "sessions_cleared")
