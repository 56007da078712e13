"""What PostgreSQL and asyncpg raise, in the words of `core.errors`.

Class 40 (transaction rollback) and a connection lost before anything was sent are `Transient`: certainly nothing was
committed [PostgreSQL manual, appendix A]. A connection lost after_response leaves the outcome unknown to us: `Unavailable`.
"""

import asyncpg

from api_base.core.errors import Transient, Unavailable

GUARD_FAILED = "AB001"
"""SQLSTATE raised by the function `guard_rows` when a guarded change met another version."""

CONNECTION_ERRORS = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    ConnectionError,
)


def translate(error: BaseException, *, harmless: bool) -> BaseException:
    """The error to raise instead of `error`; the same one where there is nothing to say.

    `harmless`: nothing of the lost statement can have been committed, or it only read. So a lost connection is `Transient` as well.
    """
    if isinstance(error, asyncpg.QueryCanceledError):
        return _too_long()
    if isinstance(error, asyncpg.StatementCompletionUnknownError):
        return _outcome_unknown()
    if isinstance(error, asyncpg.TransactionRollbackError | asyncpg.LockNotAvailableError):
        return Transient(f"The database rolled the transaction back: {error}")
    if isinstance(error, TimeoutError):  # the driver gave it up, where the server has no timeout of ours
        return _too_long() if harmless else _outcome_unknown()
    if isinstance(error, CONNECTION_ERRORS):
        if harmless or isinstance(error, asyncpg.InternalClientError):  # that one is raised before anything is sent
            return Transient("The connection to the database was lost.")
        return _outcome_unknown()
    return error


def _too_long() -> Unavailable:
    return Unavailable("The database took too long over a statement and gave it up. Try again later.")


def _outcome_unknown() -> Unavailable:
    return Unavailable("The connection to the database was lost while a change was saved. Read the state before trying again.")


def usable_after(error: BaseException) -> bool:
    """Whether the connection is sound after `error`, outside a transaction: only when the server itself refused the statement.

    A cancellation is not: asyncpg does not always leave the connection usable.
    """
    return isinstance(error, asyncpg.PostgresError) and not isinstance(error, CONNECTION_ERRORS)
