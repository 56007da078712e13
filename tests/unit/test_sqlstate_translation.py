"""What PostgreSQL and asyncpg raise, class by class: whether trying again may help, and what is known of the outcome."""

from typing import Final

import asyncpg
import pytest

from api_base.core.errors import Transient, Unavailable
from api_base.infrastructure.db.errors import CONNECTION_ERRORS, translate, usable_after

type Meaning = tuple[type[Exception] | None, str]

TOO_LONG: Final = (Unavailable, "took too long")
ROLLED_BACK: Final = (Transient, "rolled the transaction back")
LOST: Final = (Transient, "connection to the database was lost")
UNKNOWN: Final = (Unavailable, "while a change was")
ITSELF: Final = (None, "")

CASES: Final[dict[type[BaseException], tuple[Meaning, Meaning, bool]]] = {
    asyncpg.QueryCanceledError: (TOO_LONG, TOO_LONG, False),
    asyncpg.StatementCompletionUnknownError: (UNKNOWN, UNKNOWN, True),
    asyncpg.SerializationError: (ROLLED_BACK, ROLLED_BACK, True),
    asyncpg.DeadlockDetectedError: (ROLLED_BACK, ROLLED_BACK, True),
    asyncpg.LockNotAvailableError: (ROLLED_BACK, ROLLED_BACK, True),
    TimeoutError: (TOO_LONG, UNKNOWN, False),
    asyncpg.PostgresConnectionError: (LOST, UNKNOWN, False),
    asyncpg.InterfaceError: (LOST, UNKNOWN, False),
    asyncpg.InternalClientError: (LOST, LOST, False),
    asyncpg.OperatorInterventionError: (LOST, UNKNOWN, False),
    ConnectionError: (LOST, UNKNOWN, False),
    asyncpg.UniqueViolationError: (ITSELF, ITSELF, True),
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
