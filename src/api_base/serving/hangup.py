"""SIGHUP has two meanings: reload for a daemon, and the end of the terminal for a process that was started in one."""

import os
import signal


class Terminal:
    """The controlling terminal of this process at the start [termios(3)]. Under nohup(1), which ignores SIGHUP, it is disregarded."""

    def __init__(self) -> None:
        self._had = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _controls()

    def closed(self) -> bool:
        """Return whether the process was started in a terminal that is closed now."""
        return self._had and not _controls()


def _controls() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
