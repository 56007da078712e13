"""What PostgreSQL and asyncpg raise reaches users in our words."""

import socket
import ssl

import asyncpg
import pytest

from api_base.core.errors import Transient, Unavailable
from api_base.infrastructure.db.errors import connection_reason, statement_reason, translate, unreachable

LIBRARY = "text of the library"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (asyncpg.InvalidPasswordError(LIBRARY), "it refuses user and password"),
        (asyncpg.InvalidAuthorizationSpecificationError(LIBRARY), "it refuses the user, or connections from this address"),
        (asyncpg.InvalidCatalogNameError(LIBRARY), "it has no database with the name in the URL"),
        (asyncpg.InsufficientPrivilegeError(LIBRARY), "the role may not connect to this database"),
        (asyncpg.TooManyConnectionsError(LIBRARY), "it accepts no more connections"),
        (asyncpg.CannotConnectNowError(LIBRARY), "it is starting up or shutting down"),
        (asyncpg.ClientConfigurationError(LIBRARY), "its URL has a parameter that is not valid"),
        (asyncpg.ConnectionDoesNotExistError(LIBRARY), "it closed the connection"),
        (asyncpg.UndefinedTableError(LIBRARY), "it answers with SQLSTATE 42P01"),
        (TimeoutError(LIBRARY), "it does not answer in time"),
        (socket.gaierror(-2, LIBRARY), "its host name is unknown"),
        (ConnectionRefusedError(111, LIBRARY), "nothing listens at its address"),
        (FileNotFoundError(2, LIBRARY), "its socket does not exist"),
        (ssl.SSLCertVerificationError(LIBRARY), "no TLS connection can be made"),
        (ConnectionResetError(LIBRARY), "it closed the connection"),
        (ValueError(LIBRARY), "its URL is not valid"),
        (OSError(LIBRARY), "no address of its host answers"),
    ],
)
def test_a_failed_connection_has_a_reason_of_ours(error: BaseException, reason: str) -> None:
    assert connection_reason(error) == reason
    assert str(unreachable(error)) == f"The database cannot be reached: {reason}."


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (asyncpg.SerializationError(LIBRARY), Transient, "The database rolled the transaction back: another transaction changed the same rows."),
        (asyncpg.DeadlockDetectedError(LIBRARY), Transient, "The database rolled the transaction back: two transactions waited for each other."),
        (
            asyncpg.LockNotAvailableError(LIBRARY), Unavailable,
            "Another transaction locks the same rows or table for too long. Try again later.",
        ),
        (asyncpg.QueryCanceledError(LIBRARY), Unavailable, "The database cancelled a statement that took too long. Try again later."),
        (asyncpg.ConnectionDoesNotExistError(LIBRARY), Transient, "The connection to the database was lost."),
        (asyncpg.AdminShutdownError(LIBRARY), Transient, "The connection to the database was lost."),
        (asyncpg.InterfaceError(LIBRARY), Transient, "The connection to the database was lost."),
        (ConnectionResetError(LIBRARY), Transient, "The connection to the database was lost."),
    ],
)  # fmt: skip
def test_an_error_that_reaches_callers_has_our_words(error: BaseException, kind: type[Exception], text: str) -> None:
    translated = translate(error, harmless=True)
    assert type(translated) is kind
    assert str(translated) == text


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (asyncpg.NumericValueOutOfRangeError(LIBRARY), "a value does not fit its column or operation (SQLSTATE 22003)"),
        (asyncpg.UniqueViolationError(LIBRARY), "a constraint forbids it (SQLSTATE 23505)"),
        (asyncpg.InsufficientPrivilegeError(LIBRARY), "the role lacks a privilege (SQLSTATE 42501)"),
        (asyncpg.UndefinedTableError(LIBRARY), "the schema is not the one that this version needs (SQLSTATE 42P01)"),
        (asyncpg.DiskFullError(LIBRARY), "PostgreSQL is out of memory, disk space or connections (SQLSTATE 53100)"),
        (asyncpg.AdminShutdownError(LIBRARY), "an operator ended it (SQLSTATE 57P01)"),
        (asyncpg.FeatureNotSupportedError(LIBRARY), "PostgreSQL refuses it (SQLSTATE 0A000)"),
    ],
)
def test_a_refused_statement_has_a_reason_and_its_sqlstate(error: asyncpg.PostgresError, reason: str) -> None:
    assert statement_reason(error) == reason


def test_a_violated_constraint_is_named() -> None:
    error = asyncpg.UniqueViolationError(LIBRARY)
    error.constraint_name, error.table_name = "items_sku_key", "items"  # as the server's answer sets them
    assert statement_reason(error) == "a constraint forbids it (SQLSTATE 23505, constraint items_sku_key, table items)"
