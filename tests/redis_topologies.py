"""A Cluster of three primaries, and a primary that three sentinels watch: processes of the Valkey that `make services` installed."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from tests import services

PATIENCE = 60.0
NODE_TIMEOUT = 500
"""Milliseconds after which a silent node counts as down."""
SLOTS = 16_384
SERVICE = "main"


@dataclass
class Node:
    """One process. `arguments` are those of `valkey-server`."""

    folder: Path
    port: int
    arguments: tuple[str | int, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        options = ("--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", "", "--appendonly", "no")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([program(), *map(str, (*self.arguments, *options))], stdout=log, stderr=log)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def freeze(self) -> None:
        """Let it keep its connections and answer nothing more, like a machine that is lost."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def ask(self, *command: str | int, accepted: Callable[[Any], bool] = lambda _: True) -> Any:
        """Return the first answer that is accepted. The process may be starting, or not yet agree with the others."""
        deadline = time.monotonic() + PATIENCE
        with Redis(port=self.port, decode_responses=True) as redis:
            while True:
                try:
                    if accepted(answer := redis.execute_command(*command)):
                        return answer
                except (RedisError, OSError):
                    if time.monotonic() > deadline:
                        raise
                assert time.monotonic() < deadline, answer
                time.sleep(0.05)


@dataclass
class Servers:
    """`url` leads to all of them."""

    url: str
    primary: Node
    """What `fail` kills."""
    replica: Node
    """What takes its place."""

    first: Node
    """What the URL names first: the primary in a Cluster, a sentinel."""

    def fail(self) -> None:
        """Refuse connections."""
        self.primary.kill()

    def freeze(self) -> None:
        """Answer nothing more, on the machine of the primary and of what the URL names first."""
        self.primary.freeze()
        self.first.freeze()


def program() -> str:
    """The newest Valkey that `services/valkey.sh` installed."""
    found = sorted((services.STARTED / "bin").glob("valkey-*"))
    return str(found[-1]) if found else services.absent("valkey has not been installed (`make services`)")


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in opened]


@contextmanager
def running(nodes: list[Node]) -> Iterator[None]:
    with ExitStack() as stack:
        for node in nodes:
            stack.callback(node.kill)
            node.start()
        yield


@contextmanager
def cluster(folder: Path) -> Iterator[Servers]:
    """Three primaries, and a replica of the first."""
    enabled = ("--cluster-enabled", "yes", "--cluster-node-timeout", NODE_TIMEOUT, "--cluster-replica-validity-factor", 0)
    ports = free_ports(8)
    nodes = [Node(folder / str(port), port, (*enabled, "--cluster-port", bus)) for port, bus in zip(ports[:4], ports[4:], strict=True)]
    first, replica = nodes[0], nodes[3]
    with running(nodes):
        for number, node in enumerate(nodes[:3]):
            node.ask("CLUSTER", "ADDSLOTSRANGE", number * SLOTS // 3, (number + 1) * SLOTS // 3 - 1)
        for node in nodes[1:]:
            node.ask("CLUSTER", "MEET", "127.0.0.1", first.port, ports[4])
        replicated = first.ask("CLUSTER", "MYID")
        replica.ask("CLUSTER", "REPLICATE", replicated)
        for node in nodes:
            node.ask("CLUSTER", "INFO", accepted=lambda info: "cluster_state:ok" in info and "cluster_known_nodes:4" in info)
        first.ask("INFO", "replication", accepted=lambda info: info["connected_slaves"] == 1)
        yield Servers("redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes), first, replica, first)


@contextmanager
def sentinel(folder: Path) -> Iterator[Servers]:
    """A primary, a replica, and three sentinels of which two must agree."""
    ports = free_ports(5)
    primary = Node(folder / "primary", ports[0])
    replica = Node(folder / "replica", ports[1], ("--replicaof", f"127.0.0.1 {primary.port}"))
    sentinels = [Node(folder / str(port), port, (folder / f"{port}.conf", "--sentinel")) for port in ports[2:]]
    for one in sentinels:
        (folder / f"{one.port}.conf").write_text(
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} {NODE_TIMEOUT}\nsentinel failover-timeout {SERVICE} 2000\n"
        )
    with running([primary, replica, *sentinels]):
        primary.ask("INFO", "replication", accepted=lambda info: info["connected_slaves"] == 1)
        for one in sentinels:
            one.ask("SENTINEL", "MASTER", SERVICE, accepted=agreed)
        yield Servers(
            "redis+sentinel://" + ",".join(f"127.0.0.1:{one.port}" for one in sentinels) + f"/{SERVICE}", primary, replica, sentinels[0]
        )


def agreed(state: Any) -> bool:
    return int(state["num-slaves"]) == 1 and int(state["num-other-sentinels"]) == 2
