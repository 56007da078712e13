"""Translates errors of PostgreSQL and asyncpg into those of `core.errors`, with messages of our own.

Class 40 (transaction rollback) and a connection lost before anything was sent are `Transient`: nothing was committed
[PostgreSQL manual, appendix A]. If the connection is lost later, the outcome of the change is unknown: `Unavailable`.
"""

import errno
from collections.abc import Callable, Sequence
from socket import gaierror
from ssl import SSLError
from typing import Final

import asyncpg

from api_base.core.errors import ApiBaseError, Conflict, Invalid, RuleViolated, Transient, Unavailable
from api_base.core.shared.logging import get_logger

logger = get_logger(__name__)

GUARD_FAILED: Final = "AB001"
"""SQLSTATE raised by the function `guard_rows` when a guarded change met another version."""

CONNECTION_ERRORS: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    ConnectionError,
)

_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})

STORAGE_ERRORS: Final = (asyncpg.DiskFullError, asyncpg.PostgresIOError)
"""The server cannot store: its disk is full, or fails."""

_ROLLBACKS: Final[Sequence[tuple[type[BaseException], str]]] = (
    (asyncpg.DeadlockDetectedError, "two transactions waited for each other"),
    (asyncpg.TransactionRollbackError, "another transaction changed the same rows"),
)
_REFUSALS: Final[Sequence[tuple[tuple[type[BaseException], ...], Callable[[], ApiBaseError]]]] = (
    (
        (asyncpg.UniqueViolationError, asyncpg.ExclusionViolationError),
        lambda: Conflict("The change conflicts with a record that exists already."),
    ),
    (
        (asyncpg.ForeignKeyViolationError, asyncpg.RestrictViolationError),
        lambda: Conflict("The change refers to a record that does not exist, or removes one that others refer to."),
    ),
    ((asyncpg.CheckViolationError,), lambda: RuleViolated("A rule of the stored data forbids the change.")),
    (
        (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError),
        lambda: Invalid.of("", "characters", "contains text that the database cannot store"),
    ),
    (
        (asyncpg.StringDataRightTruncationError, asyncpg.NumericValueOutOfRangeError, asyncpg.DatetimeFieldOverflowError),
        lambda: Invalid.of("", "range", "contains a value that is too long or too large for the database"),
    ),
    (
        (asyncpg.InsufficientResourcesError, asyncpg.PostgresSystemError),
        lambda: Unavailable("The database is out of disk space, memory or connections, or cannot read its files. Try again later."),
    ),
    (
        (asyncpg.LockNotAvailableError,),
        lambda: Unavailable("Another transaction locks the same rows or table for too long. Try again later."),
    ),
)
"""What a statement may meet that no repository declares. A missing value (NOT NULL) is a fault of ours and stays one."""
_CONNECTIONS: Final[Sequence[tuple[type[BaseException], str]]] = (
    (asyncpg.InvalidPasswordError, "it refuses user and password"),
    (asyncpg.InvalidAuthorizationSpecificationError, "it refuses the user, or connections from this address"),
    (asyncpg.InvalidCatalogNameError, "it has no database with the name in the URL"),
    (asyncpg.InsufficientPrivilegeError, "the role may not connect to this database"),
    (asyncpg.TooManyConnectionsError, "it accepts no more connections"),
    (asyncpg.CannotConnectNowError, "it is starting up or shutting down"),
    (asyncpg.InterfaceError, "its URL has a parameter that is not valid"),
    (TimeoutError, "it does not answer in time"),
    (gaierror, "its host name is unknown"),
    (ConnectionRefusedError, "nothing listens at its address"),
    (FileNotFoundError, "its socket does not exist"),
    (SSLError, "no TLS connection can be made"),
    (ConnectionError, "it closed the connection"),
    (asyncpg.PostgresConnectionError, "it closed the connection"),
    (ValueError, "its URL is not valid"),
)
_STATEMENTS: Final[Sequence[tuple[str, str]]] = (
    ("22", "a value does not fit its column or operation"),
    ("23", "a constraint forbids it"),
    ("42501", "the role lacks a privilege"),
    ("42", "the schema is not the one that this version needs"),
    ("55P03", "another transaction holds a lock that it needs"),
    ("53", "PostgreSQL is out of memory, disk space or connections"),
    ("57", "an operator ended it"),
)
"""By the beginning of the SQLSTATE."""


def translate(error: BaseException, *, harmless: bool) -> BaseException:
    """Return the error to raise in place of `error`; the same error if there is no translation.

    `harmless`: the statement only read, or cannot have been committed, so a lost connection is `Transient` as well.
    """
    if isinstance(error, asyncpg.QueryCanceledError):
        return _too_long()
    if isinstance(error, asyncpg.StatementCompletionUnknownError):
        return _outcome_unknown()
    if isinstance(error, asyncpg.TransactionRollbackError):
        return Transient(f"The database rolled the transaction back: {_first(_ROLLBACKS, error)}.")
    if isinstance(error, TimeoutError):  # the driver cancelled the statement: the server has no statement timeout behind a pooler
        return _too_long() if harmless else _outcome_unknown()
    if isinstance(error, CONNECTION_ERRORS):
        if harmless or isinstance(error, asyncpg.InternalClientError):  # raised before anything is sent
            return Transient("The connection to the database was lost.")
        return _outcome_unknown()
    for kinds, meaning in _REFUSALS:
        if isinstance(error, kinds) and isinstance(error, asyncpg.PostgresError):
            logger.warning("statement_refused", reason=statement_reason(error))
            return meaning()
    if isinstance(error, asyncpg.DataError) and isinstance(error.__cause__, UnicodeEncodeError):  # the driver could not send the text
        return Invalid.of("", "characters", "contains text that the database cannot store")
    return error


def unreachable(error: BaseException) -> Unavailable:
    """Return the error of an attempt to connect that failed with `error`."""
    return Unavailable(f"The database cannot be reached: {connection_reason(error)}.")


def connection_reason(error: BaseException) -> str:
    """Return why an attempt to connect failed."""
    reason = _first(_CONNECTIONS, error)
    if reason is None and isinstance(error, asyncpg.PostgresError):
        return f"it answers with SQLSTATE {error.sqlstate}"
    return reason or "no address of its host answers"


def sentence_of(error: Exception) -> str | None:
    """Return what an operator is shown about an error that ended a command or a process; None for an error of the program."""
    if isinstance(error, ApiBaseError):
        return str(error)
    if isinstance(error, asyncpg.PostgresError):
        return f"PostgreSQL refused a statement: {statement_reason(error)}. Run `api-base doctor` to check the schema and the roles."
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return f"The output or a file cannot be written: {error.strerror}."
    return None


def statement_reason(error: asyncpg.PostgresError) -> str:
    """Return why PostgreSQL refused a statement, with its SQLSTATE and the constraint, column or table if it names one."""
    state = error.sqlstate or ""
    reason = next((words for beginning, words in _STATEMENTS if state.startswith(beginning)), "PostgreSQL refuses it")
    named = (f"{kind} {name}" for kind in ("constraint", "column", "table") if (name := getattr(error, f"{kind}_name", None)))
    return f"{reason} ({', '.join((f'SQLSTATE {state}', *named))})"


def _first(reasons: Sequence[tuple[type[BaseException], str]], error: BaseException) -> str | None:
    return next((words for kind, words in reasons if isinstance(error, kind)), None)


def _too_long() -> Unavailable:
    return Unavailable("The database cancelled a statement that took too long. Try again later.")


def _outcome_unknown() -> Unavailable:
    return Unavailable("The connection to the database was lost while a change was saved. Read the current state before you try again.")


def usable_after(error: BaseException) -> bool:
    """Return whether the connection is usable after `error`, outside a transaction: only if the server refused the statement.

    After a cancellation it is not, because asyncpg may leave it in an unknown state.
    """
    return isinstance(error, asyncpg.PostgresError) and not isinstance(error, CONNECTION_ERRORS)
