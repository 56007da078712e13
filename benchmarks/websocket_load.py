"""Many WebSockets in one process: how long events take to arrive, and the memory of a connection. The client is a program in Go.

`python -m benchmarks.websocket_load --count 2000 --rate 5 --seconds 10 --rounds 3` prints one line for each round.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Event, Thread
from typing import Final
from uuid import uuid4

from tests.e2e.conftest import open_folder, printed_login
from tests.e2e.processes import UNLIMITED, serving

SOURCE = Path(__file__).parent / "websocket_client"
GO = Path(os.environ.get("SERVICES_HOME", Path(__file__).parents[1] / ".services")) / "go" / "go" / "bin" / "go"
"""Where `make services` installs Go if the machine has none, or one that is too old."""
PATH = "/api/v1/feed"
PAGE = os.sysconf("SC_PAGE_SIZE")
SERVED: Final = {
    **UNLIMITED,
    "WEBSOCKET__MAX_CONNECTIONS": "5000",
    "WEBSOCKET__MAX_CONNECTIONS_PER_USER": "5000",
    "REALTIME__MAX_SESSIONS_PER_USER": "5000",
    "REALTIME__MAX_SESSIONS_PER_ADDRESS": "5000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """`bytes_each` is the memory of the server process that one connection took. The other figures are those of the client."""

    bytes_each: float
    figures: Mapping[str, float]


@cache
def program() -> Path:
    """Build the client, once for each content of its source, by the Go of `make services` or that of the machine.

    It stays in the cache of the user: a name in the folder for temporary files could be another user's.
    """
    content = b"".join(path.read_bytes() for path in sorted(SOURCE.iterdir()))
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "api-base"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"websocket-client-{hash_of(content)}"
    if not target.exists():
        go = GO if GO.exists() else "go"
        environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
        with tempfile.TemporaryDirectory(dir=folder) as made:
            subprocess.run([go, "build", "-o", f"{made}/client", "."], cwd=SOURCE, check=True, env=environment)
            Path(made, "client").rename(target)
    return target


def hash_of(content: bytes) -> str:
    from hashlib import sha256

    return sha256(content).hexdigest()[:16]


def resident(pid: int) -> int:
    """The memory of a process, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def measure(*, count: int, rate: float, seconds: float, stalled: int = 1, deflate: bool = False) -> Round:
    """Connect `count` clients that read and `stalled` ones that do not; send `rate` events per second to all of them for `seconds`."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        port, descriptor = listener.getsockname()[1], listener.fileno()
        command = [sys.executable, "-m", "benchmarks.websocket_feed", str(descriptor), str(rate)]
        server = subprocess.Popen(command, pass_fds=[descriptor], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        assert server.stdout.readline() == "ready\n"
        arguments = {"address": f"127.0.0.1:{port}", "path": PATH, "token": "good", "count": count, "stalled": stalled, "seconds": seconds}
        return connected(server.pid, arguments, deflate=deflate)
    finally:
        server.stdin.close()
        server.terminate()
        server.wait()


def connected(server: int, arguments: Mapping[str, object], *, deflate: bool, write: Callable[[], None] = lambda: None) -> Round:
    """Run the client with these flags against a server process. `write` is called once all clients are connected."""
    flags = [f"-{name}={value}" for name, value in arguments.items()] + (["-deflate"] if deflate else [])
    subprocess.run([program(), *flags, "-count=20", "-seconds=0.1", "-stalled=0"], check=True, stdout=subprocess.PIPE)
    before = resident(server)
    client = subprocess.Popen([program(), *flags], stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    with client:
        count = json.loads(client.stdout.readline())["connected"]
        write()
        figures = json.loads(client.stdout.readline())
        taken = resident(server) - before
    assert client.returncode == 0
    return Round(bytes_each=taken / count, figures=figures)


def measure_served(*, count: int, rate: float, seconds: float, stalled: int = 1, deflate: bool = False) -> Round:
    """As `measure`, with `api-base serve`: a writer creates items over HTTP, and the clients subscribe to the channel of the tenant.

    The time of delivery begins with the event: it contains the rest of the request, the relay, and the journal.
    """
    with open_folder() as home, serving(home, **SERVED) as backend:
        token = printed_login(home, backend.ready()).log_in(backend)
        ended = Event()

        def write() -> None:
            due = time.monotonic()
            while not ended.wait(max(0.0, due - time.monotonic())):
                due += 1 / rate
                item = {"sku": str(uuid4()), "name": "x" * 60, "category": "goods"}
                status, answer = backend.request("POST", "/api/v2/items", item, token)
                assert status == 201, answer

        arguments = {
            "address": f"127.0.0.1:{backend.port}",
            "path": "/ws",
            "first": '{"type":"subscribe","channel":"tenant"}',
            "token": token,
            "count": count,
            "stalled": stalled,
            "seconds": seconds,
        }
        (server,) = backend.server_processes()
        writer = Thread(target=write)
        try:
            return connected(server, arguments, deflate=deflate, write=writer.start)
        finally:
            ended.set()
            if writer.ident is not None:
                writer.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--deflate", action="store_true")
    parser.add_argument("--served", action="store_true", help="by `api-base serve`, with journal and hub")
    chosen = parser.parse_args()
    for _ in range(chosen.rounds):
        take = measure_served if chosen.served else measure
        found = take(count=chosen.count, rate=chosen.rate, seconds=chosen.seconds, deflate=chosen.deflate)
        load = os.getloadavg()[0]
        print(json.dumps({"memory_kb_each": round(found.bytes_each / 1024, 1), **found.figures, "load": round(load, 1)}), flush=True)


if __name__ == "__main__":
    main()
