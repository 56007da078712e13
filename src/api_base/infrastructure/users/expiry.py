"""Clears away registrations and password resets whose links ended a day ago or longer."""

from typing import Final

from api_base.infrastructure.db.pruner import BATCH, Pruner
from api_base.infrastructure.db.session import Database

_ENDED: Final = "expires_at < now() - interval '1 day'"
_REGISTRATIONS: Final = f"delete from registrations where id in (select id from registrations where {_ENDED} limit {BATCH})"
_RESETS: Final = f"""
    delete from password_resets where (user_id, id) in (select user_id, id from password_resets where {_ENDED} limit {BATCH})
"""


def registration_expiry(database: Database) -> Pruner:
    """`database` is of the role `worker`."""
    return Pruner(database, _REGISTRATIONS, "registrations_cleared")


def reset_expiry(database: Database) -> Pruner:
    """`database` is of the role `worker`."""
    return Pruner(database, _RESETS, "password_resets_cleared")
