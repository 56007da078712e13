"""Children that end with their parent, however it ends [prctl(2), PR_SET_PDEATHSIG]."""

import ctypes
import signal
import sys
from collections.abc import Callable


def die_with_parent(sent: signal.Signals) -> Callable[[], None] | None:
    """For `subprocess`'s `preexec_fn`: the kernel sends `sent` when the parent dies; None where there is no such thing."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(1, sent)

    return ask
