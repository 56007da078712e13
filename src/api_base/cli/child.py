"""The supervisor's side of a child process: start it early, order it to begin, hear from it, end it.

A socket pair joins the two. Orders go down it, with the listening socket [unix(7), SCM_RIGHTS]; "started" comes up. When the
supervisor is gone, however it died, the child reads the end of it and ends itself: this works on every Unix.
A child has a session of its own, so that Ctrl-C reaches the supervisor alone, which stops things in order.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence


class Child:
    """`python -m module`, running and waiting for its orders: it imports meanwhile."""

    def __init__(self, module: str) -> None:
        self.channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.began = time.monotonic()

    @property
    def pid(self) -> int:
        return self._process.pid

    def order(self, environment: Mapping[str, str], listener: socket.socket | None = None, *, prepare: bool = False) -> None:
        """Let it begin. A child that is dead already is found by `ended`."""
        message = json.dumps({"environment": dict(environment), "prepare": prepare}).encode() + b"\n"
        try:
            socket.send_fds(self.channel, [message], [] if listener is None else [listener.fileno()])
        except BrokenPipeError:
            return

    def heard(self) -> bool:
        """Whether it said "started", when its channel can be read. False: it is ending."""
        try:
            return bool(self.channel.recv(64))
        except ConnectionResetError:
            return False

    def ended(self) -> int | None:
        """Its exit code, 128 + the number of the signal that killed it, or None while it runs."""
        code = self._process.poll()
        return 128 - code if code is not None and code < 0 else code

    def wait(self, seconds: float) -> int | None:
        """Its exit code, or None when it still runs after `seconds`."""
        try:
            self._process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return None
        return self.ended()

    def terminate(self) -> None:
        """Ask it to finish what it does and end."""
        if self.ended() is None:
            self._process.terminate()

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        if self.ended() is None:
            self._process.kill()
        self._process.wait()
        self.channel.close()


def end(children: Sequence[Child], seconds: float) -> None:
    """Ask all `children` to end, wait at most `seconds` for all of them, and kill who is left. None survives an exception."""
    try:
        for child in children:
            child.terminate()
        deadline = time.monotonic() + seconds
        for child in children:
            child.wait(deadline - time.monotonic())
    finally:
        for child in children:
            child.kill()
