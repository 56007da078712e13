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
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parent / "websocket_client"
GO = Path(os.environ.get("SERVICES_HOME", Path(__file__).parents[1] / ".services")) / "go" / "go" / "bin" / "go"
"""Where `make services` installs Go if the machine has none, or one that is too old."""
PATH = "/api/v1/feed"
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """`bytes_each` is the memory of the server process that one connection took. The other figures are those of the client."""

    bytes_each: float
    figures: Mapping[str, float]


@cache
def program() -> Path:
    """Build the client, once for each content of its source, by the Go of `make services` or that of the machine."""
    content = b"".join(path.read_bytes() for path in sorted(SOURCE.iterdir()))
    target = Path(tempfile.gettempdir()) / f"api-base-websocket-client-{os.getuid()}-{hash_of(content)}"
    if not target.exists():
        go = GO if GO.exists() else "go"
        environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
        environment.setdefault("GOCACHE", str(Path(tempfile.gettempdir()) / f"api-base-go-cache-{os.getuid()}"))
        subprocess.run([go, "build", "-o", f"{target}.new", "."], cwd=SOURCE, check=True, env=environment)
        Path(f"{target}.new").rename(target)
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
        flags = [f"-{name}={value}" for name, value in arguments.items()] + (["-deflate"] if deflate else [])
        warm = subprocess.run([program(), *flags, "-count=20", "-seconds=0.1", "-stalled=0"], check=True, stdout=subprocess.PIPE)
        assert warm.returncode == 0
        before = resident(server.pid)
        client = subprocess.Popen([program(), *flags], stdout=subprocess.PIPE, text=True)
        assert client.stdout is not None
        with client:
            connected = json.loads(client.stdout.readline())["connected"]
            figures = json.loads(client.stdout.readline())
            taken = resident(server.pid) - before
        assert client.returncode == 0
        return Round(bytes_each=taken / connected, figures=figures)
    finally:
        server.stdin.close()
        server.terminate()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--deflate", action="store_true")
    chosen = parser.parse_args()
    for _ in range(chosen.rounds):
        found = measure(count=chosen.count, rate=chosen.rate, seconds=chosen.seconds, deflate=chosen.deflate)
        load = os.getloadavg()[0]
        print(json.dumps({"memory_kb_each": round(found.bytes_each / 1024, 1), **found.figures, "load": round(load, 1)}), flush=True)


if __name__ == "__main__":
    main()
