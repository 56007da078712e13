"""The real servers that tests use: their addresses, and how a test locks, kills or fails one.

An address comes from the environment, or else from the file that `make services` wrote when it started the server. A test whose server
is absent is skipped; with REQUIRE_SERVICES=1, as in CI, it fails.
"""

import fcntl
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

ROOT = Path(__file__).parents[1]
STARTED = Path(os.environ.get("SERVICES_HOME", ROOT / ".services"))
PATIENCE = 180.0


def address(server: str, variable: str) -> str:
    """The URL of a server, from `variable`. Skips or fails the test when the server does not answer."""
    url = os.environ.get(variable) or _written(server).get(variable)
    if url is None:
        absent(f"{server} has not been started (`make services`), and {variable} is not set")
    parts = urlsplit(parse_qs(urlsplit(url).query).get("endpoint", [url])[0])
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5).close()
    except OSError as error:
        absent(f"{server} does not answer at {parts.hostname}:{parts.port}: {error}")
    return url


def socket_of(server: str, variable: str) -> Path:
    """The Unix socket of a server, from the path of the URL in `variable`."""
    path = Path(urlsplit(os.environ.get(variable) or _written(server).get(variable, "")).path)
    if not path.is_socket():
        absent(f"{server} has no socket at {path}")
    return path


def absent(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _written(server: str) -> dict[str, str]:
    file = STARTED / server / "env"
    lines = file.read_text().splitlines() if file.exists() else []
    return dict(line.split("=", 1) for line in lines)


@contextmanager
def held(server: str, *, alone: bool = False) -> Iterator[None]:
    """Lock a server, shared or with `alone` exclusively. The lock is held across processes, so a test must not take it twice."""
    folder = STARTED / server
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


@dataclass(frozen=True, slots=True)
class Killable:
    """A server that `services/` started, locked for one test."""

    name: str
    url: str

    def kill(self) -> None:
        """Send SIGKILL: like a power cut, except that the kernel still writes what it has received."""
        self._run("kill9")

    def stop(self) -> None:
        """Send SIGTERM and wait."""
        self._run("down")

    def start(self) -> None:
        """Start the server and wait until it answers. Does nothing when it runs."""
        self._run("up")

    def _run(self, command: str) -> None:
        done = subprocess.run(
            [ROOT / "services" / f"{self.name}.sh", command], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done


@contextmanager
def killable(server: str, variable: str) -> Iterator[Killable]:
    with held(server, alone=True):
        url = address(server, variable)
        if _written(server).get(variable) != url:
            absent(f"{server} at {variable} was not started by `make services`, so it cannot be killed")
        one = Killable(server, url)
        try:
            yield one
        finally:
            one.start()


class Mailpit:
    """The mail server: receives mail at `smtp_url` and shows it over HTTP."""

    def __init__(self, smtp_url: str, http: httpx2.Client) -> None:
        self.smtp_url = smtp_url
        self._http = http

    def messages(self, to: str) -> list[dict[str, Any]]:
        """The mails to an address, newest first, each with `Subject`, `From`, `Text`, `HTML` and so on."""
        found = self._answer("GET", "/api/v1/search", params={"query": f'to:"{to}"', "limit": "1000"})["messages"]
        return [self._answer("GET", f"/api/v1/message/{one['ID']}") for one in found]

    def message_ids(self, to: str) -> list[str]:
        """The Message-ID of each mail whose address contains `to`, repeated for every copy."""
        found: list[str] = []
        while True:
            page = self._answer("GET", "/api/v1/search", params={"query": f'to:"{to}"', "start": len(found), "limit": "500"})["messages"]
            found += [one["MessageID"] for one in page]
            if not page:
                return found

    def headers(self, id: str) -> dict[str, list[str]]:
        """All headers of a message."""
        found: dict[str, list[str]] = self._answer("GET", f"/api/v1/message/{id}/headers")
        return found

    @contextmanager
    def failing(self, stage: str, code: int, percent: int = 100) -> Iterator[None]:
        """Refuse `percent` of all mails with `code` at a stage: `Sender`, `Recipient` or `Authentication`."""
        self._answer("PUT", "/api/v1/chaos", json={stage: {"ErrorCode": code, "Probability": percent}})
        try:
            yield
        finally:
            self._answer("PUT", "/api/v1/chaos", json={})

    def _answer(self, method: str, path: str, **rest: Any) -> Any:
        return self._http.request(method, path, **rest).raise_for_status().json()


class Proxy:
    """A connection path to a server that can be cut."""

    def __init__(self, http: httpx2.Client, name: str, upstream: str) -> None:
        self._http = http
        self._name = name
        made = http.post("/proxies", json={"name": name, "listen": "127.0.0.1:0", "upstream": upstream}).raise_for_status().json()
        host, _, port = made["listen"].rpartition(":")
        self.host: str = host
        self.port = int(port)

    def cut(self) -> None:
        """Close the open connections and refuse new ones."""
        self._enable(False)

    def mend(self) -> None:
        self._enable(True)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Cut it for a block."""
        self.cut()
        try:
            yield
        finally:
            self.mend()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Pass nothing on to the client, and leave the connections open."""
        with self._toxic("timeout", timeout=0):
            yield

    @contextmanager
    def resetting(self) -> Iterator[None]:
        """Reset every connection."""
        with self._toxic("reset_peer", timeout=0):
            yield

    @contextmanager
    def slow(self, milliseconds: int) -> Iterator[None]:
        """Pass everything on to the client so much later."""
        with self._toxic("latency", latency=milliseconds):
            yield

    def remove(self) -> None:
        self._http.delete(f"/proxies/{self._name}").raise_for_status()

    @contextmanager
    def _toxic(self, kind: str, **attributes: int) -> Iterator[None]:
        toxic = {"name": kind, "type": kind, "stream": "downstream", "attributes": attributes}
        self._http.post(f"/proxies/{self._name}/toxics", json=toxic).raise_for_status()
        try:
            yield
        finally:
            self._http.delete(f"/proxies/{self._name}/toxics/{kind}").raise_for_status()

    def _enable(self, enabled: bool) -> None:
        self._http.post(f"/proxies/{self._name}", json={"enabled": enabled}).raise_for_status()


class Toxiproxy:
    def __init__(self, http: httpx2.Client) -> None:
        self._http = http
        self._numbers = count(1)

    @contextmanager
    def to(self, upstream: str) -> Iterator[Proxy]:
        """A proxy, on a port of its own, to a server at `host:port`."""
        proxy = Proxy(self._http, f"{os.getpid()}-{id(self)}-{next(self._numbers)}", upstream)
        try:
            yield proxy
        finally:
            proxy.remove()
