"""What PostgreSQL and asyncpg raise, class by class: whether trying again may help, and what is known of the outcome."""

from typing import Final

import asyncpg
import pytest
from structlog.testing import capture_logs

from api_base.core.errors import Conflict, Invalid, RuleViolated, Transient, Unavailable
from api_base.infrastructure.db.errors import CONNECTION_ERRORS, translate, usable_after

type Meaning = tuple[type[Exception] | None, str]

TOO_LONG: Final = (Unavailable, "took too long")
ROLLED_BACK: Final = (Transient, "rolled the transaction back")
LOST: Final = (Transient, "connection to the database was lost")
UNKNOWN: Final = (Unavailable, "while a change was")
CONFLICT: Final = (Conflict, "The change")
RULE: Final = (RuleViolated, "A rule of the stored data")
TEXT: Final = (Invalid, "text that the database cannot store")
RANGE: Final = (Invalid, "too long or too large")
FULL: Final = (Unavailable, "out of disk space")
LOCKED: Final = (Unavailable, "Another transaction locks")
ITSELF: Final = (None, "")

CASES: Final[dict[type[BaseException], tuple[Meaning, Meaning, bool]]] = {
    asyncpg.QueryCanceledError: (TOO_LONG, TOO_LONG, False),
    asyncpg.StatementCompletionUnknownError: (UNKNOWN, UNKNOWN, True),
    asyncpg.SerializationError: (ROLLED_BACK, ROLLED_BACK, True),
    asyncpg.DeadlockDetectedError: (ROLLED_BACK, ROLLED_BACK, True),
    asyncpg.LockNotAvailableError: (LOCKED, LOCKED, True),
    TimeoutError: (TOO_LONG, UNKNOWN, False),
    asyncpg.PostgresConnectionError: (LOST, UNKNOWN, False),
    asyncpg.InterfaceError: (LOST, UNKNOWN, False),
    asyncpg.InternalClientError: (LOST, LOST, False),
    asyncpg.OperatorInterventionError: (LOST, UNKNOWN, False),
    ConnectionError: (LOST, UNKNOWN, False),
    asyncpg.UniqueViolationError: (CONFLICT, CONFLICT, True),
    asyncpg.ExclusionViolationError: (CONFLICT, CONFLICT, True),
    asyncpg.ForeignKeyViolationError: (CONFLICT, CONFLICT, True),
    asyncpg.RestrictViolationError: (CONFLICT, CONFLICT, True),
    asyncpg.CheckViolationError: (RULE, RULE, True),
    asyncpg.CharacterNotInRepertoireError: (TEXT, TEXT, True),
    asyncpg.UntranslatableCharacterError: (TEXT, TEXT, True),
    asyncpg.StringDataRightTruncationError: (RANGE, RANGE, True),
    asyncpg.NumericValueOutOfRangeError: (RANGE, RANGE, True),
    asyncpg.DatetimeFieldOverflowError: (RANGE, RANGE, True),
    asyncpg.DiskFullError: (FULL, FULL, True),
    asyncpg.OutOfMemoryError: (FULL, FULL, True),
    asyncpg.TooManyConnectionsError: (FULL, FULL, True),
    asyncpg.PostgresIOError: (FULL, FULL, True),
    asyncpg.DuplicateFileError: (FULL, FULL, True),
    asyncpg.AdminShutdownError: (LOST, UNKNOWN, False),
    asyncpg.CannotConnectNowError: (LOST, UNKNOWN, False),
    asyncpg.NotNullViolationError: (ITSELF, ITSELF, True),
    asyncpg.UndefinedTableError: (ITSELF, ITSELF, True),
    ValueError: (ITSELF, ITSELF, False),
}
"""By class: the meaning where the statement was harmless, where it may have committed, and whether the connection is usable after it."""


def test_each_error_of_a_connection_has_a_case() -> None:
    assert set(CONNECTION_ERRORS) <= CASES.keys()


@pytest.mark.parametrize("raised", CASES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("harmless", [True, False], ids=["harmless", "committing"])
def test_an_error_of_the_driver_has_one_meaning(raised: type[BaseException], harmless: bool) -> None:
    kind, text = CASES[raised][0 if harmless else 1]
    error = raised("as the driver says it")
    meaning = translate(error, harmless=harmless)
    if kind is None:
        assert meaning is error
    else:
        assert type(meaning) is kind
        assert text in str(meaning)


@pytest.mark.parametrize("raised", CASES, ids=lambda cls: cls.__name__)
def test_a_connection_is_usable_only_after_a_refusal_of_the_server(raised: type[BaseException]) -> None:
    assert usable_after(raised("as the driver says it")) is CASES[raised][2]


def test_a_cancelled_connection_is_not_usable() -> None:
    import asyncio

    assert not usable_after(asyncio.CancelledError())


def test_the_name_of_a_constraint_goes_to_the_log_alone() -> None:
    error = asyncpg.UniqueViolationError('duplicate key value violates unique constraint "uq_secret"')
    error.constraint_name = "uq_secret"
    with capture_logs() as logs:
        meaning = translate(error, harmless=False)
    assert "uq_secret" not in str(meaning)
    assert [line["reason"] for line in logs] == ["a constraint forbids it (SQLSTATE 23505, constraint uq_secret)"]


def test_text_that_the_driver_cannot_encode_is_refused_as_input() -> None:
    error = asyncpg.DataError("invalid input for query argument $1")
    error.__cause__ = UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
    assert isinstance(translate(error, harmless=False), Invalid)
    assert translate(asyncpg.DataError("expected str, got int"), harmless=False).args == ("expected str, got int",)
