"""A connection for a few statements, to a server that stands still or ends after it has answered."""

import asyncpg
import pytest

from api_base.core.errors import Unavailable
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.migrations.revisions import heads_of, plain_connection


async def test_a_statement_without_an_answer_is_said_in_a_sentence(shared_migrated: Urls) -> None:
    with pytest.raises(Unavailable, match="does not answer in time"):
        async with plain_connection(shared_migrated.direct) as connection:
            await connection.execute("select pg_sleep(30)", timeout=0.1)


async def test_a_connection_that_is_ended_is_said_in_a_sentence(shared_migrated: Urls) -> None:
    with pytest.raises(Unavailable, match="it closed the connection"):
        async with plain_connection(shared_migrated.direct) as connection:
            other = await asyncpg.connect(shared_migrated.direct)
            try:
                await other.execute("select pg_terminate_backend($1)", connection.get_server_pid())
            finally:
                await other.close()
            await heads_of(connection)


async def test_what_a_statement_says_itself_is_raised_as_it_is(shared_migrated: Urls) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        async with plain_connection(shared_migrated.direct) as connection:
            await connection.execute("select * from nothing")
