"""Signals of the processes that `api-base serve` and `api-base worker` start: noted from the first moment, acted on when it is safe.

A handler that raises would end an import, a callback or a clean-up halfway, with a traceback or with something left behind. So handlers only
note the signal. Children start with the signals blocked, until their handlers are installed.
This module imports little: it is the first thing that a process runs.
"""

import os
import signal

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """What this process was asked to do since the object was created. `hung_up`: SIGHUP came, and has not been handled.

    SIGHUP has two meanings: reload for a daemon, and the end of the terminal for a process that was started in one. Under nohup(1), which
    ignores SIGHUP, the terminal is disregarded.
    """

    def __init__(self) -> None:
        self.stopped_by: signal.Signals | None = None
        self.hung_up = False
        self._had_terminal = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _controls_terminal()
        for number in NUMBERS:
            signal.signal(number, self._note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, NUMBERS)

    def _note(self, number: int, frame: object) -> None:
        del frame
        if number == signal.SIGHUP:
            self.hung_up = True
        else:
            self.stopped_by = signal.Signals(number)

    def terminal_closed(self) -> bool:
        """Return whether the process was started in a terminal that is closed now [termios(3)]."""
        return self._had_terminal and not _controls_terminal()


def block() -> None:
    """Block the signals in this process, for a child that inherits it: `Signals` or `exit_at_signals` unblocks them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, NUMBERS)


def exit_at_signals(code: int = 0) -> None:
    """Exit with `code` at SIGINT or SIGTERM, for a process that does not serve yet and owns nothing; ignore SIGHUP."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: os._exit(code))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, NUMBERS)


def _controls_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
