"""Toxiproxy between the application and its database: cut, reset or stall connections."""

import http.client
import json
import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

ROOT: Final = Path(__file__).parents[1]
WRITTEN: Final = ROOT / ".services/toxiproxy/env"


def address() -> str | None:
    """The address of Toxiproxy from the environment or from `make services`; None if it does not respond."""
    written = dict(line.split("=", 1) for line in WRITTEN.read_text().splitlines()) if WRITTEN.exists() else {}
    url = os.environ.get("TEST_TOXIPROXY_URL") or written.get("TEST_TOXIPROXY_URL")
    if url is None:
        return None
    try:
        _ask(url, "GET", "/version")
    except OSError:
        return None
    return url


class Proxy:
    """A proxy on loopback to `port`, created again if it exists; `remove` removes it."""

    def __init__(self, url: str, name: str, port: int) -> None:
        self._url, self._name = url, name
        made = _ask(url, "POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{port}", "enabled": True})
        self.port = int(made["listen"].rpartition(":")[2])
        self._listen = made["listen"]

    def remove(self) -> None:
        _ask(self._url, "DELETE", f"/proxies/{self._name}")

    def cut(self) -> None:
        """Close every connection, and refuse new ones until `mend`."""
        _ask(self._url, "POST", f"/proxies/{self._name}", {"listen": self._listen, "enabled": False})

    def reset(self) -> None:
        """Answer traffic with a TCP reset until `mend`."""
        self._toxic("reset_peer", {"timeout": 0})

    def stall(self) -> None:
        """Stall all traffic until `mend`, which then closes the stalled connections."""
        self._toxic("timeout", {"timeout": 0})

    def mend(self) -> None:
        """Let all traffic pass again."""
        for toxic in _ask(self._url, "GET", f"/proxies/{self._name}/toxics"):
            _ask(self._url, "DELETE", f"/proxies/{self._name}/toxics/{toxic['name']}")
        _ask(self._url, "POST", f"/proxies/{self._name}", {"listen": self._listen, "enabled": True})

    def _toxic(self, kind: str, attributes: dict[str, int]) -> None:
        for stream in ("upstream", "downstream"):
            toxic = {"name": stream, "type": kind, "stream": stream, "attributes": attributes}
            _ask(self._url, "POST", f"/proxies/{self._name}/toxics", toxic)


def _ask(url: str, method: str, path: str, body: Any = None) -> Any:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    if response.status >= 300:
        raise OSError(f"Toxiproxy answers {response.status} to {method} {path}: {text.decode()}")
    return json.loads(text) if path != "/version" and text else None
