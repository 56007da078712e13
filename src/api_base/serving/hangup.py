"""SIGHUP says two things: to a daemon, to begin anew; to what was started in a terminal, that the terminal is gone."""

import os
import signal


class Terminal:
    """The controlling terminal of this process [termios(3)], as it is at the start. Under nohup(1) there is none that counts."""

    def __init__(self) -> None:
        self._had = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _controls()

    def gone(self) -> bool:
        """Whether there was one, and is no more."""
        return self._had and not _controls()


def _controls() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
