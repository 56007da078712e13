"""The child's side of `child.py`: receives its orders, says that it has started, and ends when its parent is gone."""

import json
import os
import signal
import socket
import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Variables for the environment; the socket to listen on; whether to prepare the database first."""

    environment: dict[str, str]
    prepare: bool
    listener: socket.socket | None


class Parent:
    """The parent at the other end of the inherited socket `descriptor`."""

    def __init__(self, descriptor: int) -> None:
        self._channel = socket.socket(fileno=descriptor)
        self._channel.set_inheritable(False)

    def orders(self) -> Orders:
        """Wait for them. Raises `SystemExit` when the parent is gone."""
        text, descriptors = b"", list[int]()
        while not text.endswith(b"\n"):
            part, found, *_ = socket.recv_fds(self._channel, 65536, 1)
            if not part:
                raise SystemExit(0)
            text, descriptors = text + part, descriptors + list(found)
        listener = socket.socket(fileno=descriptors[0]) if descriptors else None
        return Orders(**json.loads(text), listener=listener)

    def started(self) -> None:
        """Say so. A parent that is gone is noticed by `watch`."""
        try:
            self._channel.send(b"started\n")
        except BrokenPipeError:
            return

    def watch(self, grace: float) -> None:
        """From now on, end with the parent: finish what is in hand, for at most `grace` seconds."""
        threading.Thread(target=self._watch, args=(grace,), name="parent", daemon=True).start()

    def _watch(self, grace: float) -> None:
        try:
            while self._channel.recv(64):
                continue
        except ConnectionResetError:  # it died with our message unread
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(grace)
        os._exit(1)
