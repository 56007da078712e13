"""Tells the parent how far we are, where it wants to know [sd_notify(3), systemd.service(5): Type=notify-reload]."""

import os
import socket
import time
from typing import Final

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"


def reloading() -> str:
    """That processes are being replaced; `READY` follows."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


class Notifier:
    """Sends datagrams to `NOTIFY_SOCKET`; a parent that is gone is nobody to tell."""

    def __init__(self) -> None:
        """Takes the variable out of the environment: it is not for children."""
        self._address = os.environ.pop("NOTIFY_SOCKET", "")

    def tell(self, state: str) -> None:
        """Send `READY`, `STOPPING` or what `reloading` returns. Never raises."""
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            try:
                channel.sendto(state.encode(), address)
            except OSError:
                self._address = ""
