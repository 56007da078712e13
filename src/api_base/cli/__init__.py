"""The command line. Each command is a module that imports what it needs when it runs."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api_base.serving.children import ServerProcess


def main() -> None:
    """Run `api-base`. An error that was raised on purpose, or that PostgreSQL answered, is one sentence and exit code 2, not a traceback."""
    first = _server_ahead() if sys.argv[1:2] == ["serve"] else None
    from api_base.cli.commands import app
    from api_base.core.errors import ApiBaseError

    try:
        app(obj=first)
    except ApiBaseError as error:
        sentence = str(error)
    except Exception as error:
        refused = _refused_statement(error)
        if refused is None:
            raise
        sentence = refused
    else:
        return
    print(f"api-base: {sentence}", file=sys.stderr)
    raise SystemExit(2)


def _refused_statement(error: Exception) -> str | None:
    """The sentence for an error of PostgreSQL that no adapter translated; None for any other error."""
    from asyncpg import PostgresError

    from api_base.infrastructure.db.errors import statement_reason

    if not isinstance(error, PostgresError):
        return None
    return f"PostgreSQL refused a statement: {statement_reason(error)}. Run `api-base doctor` to check the schema and the roles."


def _server_ahead() -> "ServerProcess":
    """Start the first server process before `serve` reads its own arguments: the imports of that process take most of a start."""
    import signal

    from api_base.serving.children import ServerProcess

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    return ServerProcess()


def _end(number: int, frame: object) -> None:
    """End at a signal that arrives before anything serves, and release what was started."""
    del number, frame
    raise SystemExit(0)
