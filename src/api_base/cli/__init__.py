"""The command line. Each command is a module that imports what it needs when it runs."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api_base.serving.children import ServerProcess

_INTERRUPTED = 128 + 2
"""The exit code of a program that SIGINT ended, as shells report it."""


def main() -> None:
    """Run `api-base`.

    An expected error, or an error of PostgreSQL, prints one message to standard error and exits with code 2; Ctrl-C during imports exits
    with code 130.
    """
    try:
        first = _start_server_early() if sys.argv[1:2] == ["serve"] else None
        from api_base.cli.commands import app
        from api_base.core.errors import ApiBaseError
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None

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
    """Return the message for an error of PostgreSQL that no adapter translated; None for any other error."""
    from asyncpg import PostgresError

    from api_base.infrastructure.db.errors import statement_reason

    if not isinstance(error, PostgresError):
        return None
    return f"PostgreSQL refused a statement: {statement_reason(error)}. Run `api-base doctor` to check the schema and the roles."


def _start_server_early() -> "ServerProcess":
    """Start the first server process before the arguments are parsed: its imports are the longest part of a start."""
    import signal

    from api_base.serving.children import ServerProcess

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    return ServerProcess()


def _end(number: int, frame: object) -> None:
    """Exit without a message at a signal that arrives before anything serves. The server process ends with this one."""
    del number, frame
    raise SystemExit(0)
