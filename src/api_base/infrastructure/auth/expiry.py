"""Clears away sessions that ended a day ago or longer (until then a late token is still told apart from rubbish), and devices
that nobody logged in from for half a year.
"""

from typing import Final

from api_base.infrastructure.db.pruner import BATCH, Pruner
from api_base.infrastructure.db.session import Database

_ENDED: Final = "least(expires_at, coalesce(revoked_at, 'infinity')) < now() - interval '1 day'"
_DELETE: Final = f"""
    delete from sessions where (user_id, id) in (select user_id, id from sessions where {_ENDED} limit {BATCH})
"""


def session_expiry(database: Database) -> Pruner:
    """`database` is of the role `worker`."""
    return Pruner(database, _DELETE, "sessions_cleared")


_FORGET: Final = f"""
    delete from devices where (user_id, id) in
        (select user_id, id from devices where seen_at < now() - interval '180 days' limit {BATCH})
"""


def device_expiry(database: Database) -> Pruner:
    """`database` is of the role `worker`."""
    return Pruner(database, _FORGET, "devices_forgotten")
