"""The command line. Each command is a module; what it needs is imported when it runs."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api_base.serving.children import ServerProcess


def main() -> None:
    """`api-base`. What goes wrong on purpose is one clear sentence and exit code 2, never a traceback."""
    first = _server_ahead() if sys.argv[1:2] == ["serve"] else None
    from api_base.cli.commands import app
    from api_base.core.errors import ApiBaseError

    try:
        app(obj=first)
    except ApiBaseError as error:
        print(f"api-base: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _server_ahead() -> "ServerProcess":
    """`serve` starts its first server process before it reads its own arguments: what that imports is the longest part of a start."""
    import signal

    from api_base.serving.children import ServerProcess

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    return ServerProcess()


def _end(number: int, frame: object) -> None:
    """A signal before anything serves: end, and let go of what was started."""
    del number, frame
    raise SystemExit(0)
