"""Child processes that end with their parent, even if it is killed [prctl(2), PR_SET_PDEATHSIG]."""

import ctypes
import signal
import sys
from collections.abc import Callable


def die_with_parent(sent: signal.Signals) -> Callable[[], None] | None:
    """A `preexec_fn` for `subprocess`: the kernel sends `sent` when the parent dies. None on systems other than Linux."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(1, sent)

    return ask
