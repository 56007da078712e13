"""Reports the state of the service to its parent [sd_notify(3), systemd.service(5): Type=notify-reload]."""

import os
import socket
import time
from typing import Final

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"


def reloading() -> str:
    """The message that processes are being replaced; `READY` follows."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


class Notifier:
    """Sends datagrams to `NOTIFY_SOCKET`, until sending fails once."""

    def __init__(self) -> None:
        """Remove the variable from the environment: children must not use it."""
        self._address = os.environ.pop("NOTIFY_SOCKET", "")

    def notify(self, state: str) -> None:
        """Send `READY`, `STOPPING` or the result of `reloading`. Never raises."""
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            try:
                channel.sendto(state.encode(), address)
            except OSError:
                self._address = ""
