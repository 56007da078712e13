"""The command line. Each command is a module that imports what it needs when it runs."""

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api_base.serving.children import ServerProcess
    from api_base.serving.signals import Signals

_INTERRUPTED = 128 + 2
"""The exit code of a program that SIGINT ended, as shells report it."""


def main() -> None:
    """Run `api-base`.

    An expected error, or an error of PostgreSQL, prints one message to standard error and exits with code 2; Ctrl-C during imports exits
    with code 130. `serve` and `worker` note signals from here on, and exit with code 0.
    """
    started = _started(sys.argv[1]) if sys.argv[1:2] in (["serve"], ["worker"]) else None
    try:
        from api_base.cli.commands import app
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None

    try:
        try:
            app(obj=started)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        raise SystemExit(1) from None
    except Exception as error:
        from api_base.infrastructure.db.errors import sentence_of

        if (sentence := sentence_of(error)) is None:
            raise
        if isinstance(error, OSError):
            _discard_output()
    else:
        return
    print(f"api-base: {sentence}", file=sys.stderr)
    raise SystemExit(2)


def _discard_output() -> None:
    """Discard what could not be written, which Python would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _started(command: str) -> "tuple[Signals, ServerProcess | None]":
    """Prepare a process that runs for long. `serve` starts the first server process now: its imports are the longest part of a start."""
    from api_base.serving.signals import Signals

    signals = Signals()
    from api_base.core.shared.output import survive_lost_output

    survive_lost_output()
    if command == "worker":
        gc.disable()  # until it works: what it imports and composes lives as long as the process
        return signals, None
    from api_base.serving.children import ServerProcess

    return signals, ServerProcess()
