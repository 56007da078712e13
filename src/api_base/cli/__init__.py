"""The command line. Each command is a module; what it needs is imported when it runs."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api_base.serving.children import ServerProcess

_INTERRUPTED = 128 + 2
"""The exit code of a program that SIGINT ended, as shells report it."""


def main() -> None:
    """Run `api-base`. An expected error is one sentence on standard error and exit code 2; Ctrl-C during imports is exit code 130."""
    try:
        first = _start_server_early() if sys.argv[1:2] == ["serve"] else None
        from api_base.cli.commands import app
        from api_base.core.errors import ApiBaseError
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None

    try:
        app(obj=first)
    except ApiBaseError as error:
        print(f"api-base: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _start_server_early() -> "ServerProcess":
    """Start the first server process before the arguments are parsed: its imports are the longest part of a start."""
    import signal

    from api_base.serving.children import ServerProcess

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    return ServerProcess()


def _end(number: int, frame: object) -> None:
    """End quietly at a signal before anything serves; the server process ends with this one."""
    del number, frame
    raise SystemExit(0)
