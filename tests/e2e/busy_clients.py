"""Clients that keep a backend busy and never retry: whatever they did not get an answer to is a failure.

One that keeps its connection sends the next request on it unless the answer said `Connection: close`, and waits less than the
server's keep-alive time in between. The standard library's client does just that.
"""

import http.client
import itertools
import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.e2e.processes import PATIENCE

_LONGEST_IDLE: Final = 2.0
"""Seconds; the server keeps an idle connection for 5."""


@dataclass
class Told:
    """What clients were told: SKUs whose creation was acknowledged, how often something was read, and what went wrong."""

    port: int
    created: list[str] = field(default_factory=list)
    read: int = 0
    closed: int = 0
    failed: list[str] = field(default_factory=list)

    @property
    def answers(self) -> int:
        return len(self.created) + self.read


class _Client:
    """`kept`: on one connection for as long as the server will have it; else on a new one for each request."""

    def __init__(self, port: int, token: str, name: str, *, kept: bool) -> None:
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._name, self._kept, self._random = name, kept, random.Random(name)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.told = Told(port)

    def run(self, stop: threading.Event) -> Told:
        for number in itertools.count():
            sku = f"{self._name}-{number}"
            item = {"sku": sku, "name": "Chair", "category": "furniture"}
            if created := self._ask("POST", "/api/v1/items", 201, json.dumps(item)):
                self.told.created.append(sku)
                if self._ask("GET", f"/api/v1/items/{json.loads(created)['id']}", 200):
                    self.told.read += 1
            if stop.wait(self._random.choice([0.0, 0.0, 0.01, self._random.uniform(0, _LONGEST_IDLE)])):
                self._connection.close()
                return self.told
        raise AssertionError

    def _ask(self, method: str, path: str, expected: int, body: str | None = None) -> bytes | None:
        try:
            self._connection.request(method, path, body, self._headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.told.failed.append(f"{self._name} {method} {path}: {error!r}")
            self._connection.close()
            return None
        self.told.closed += answer.will_close
        if not self._kept:
            self._connection.close()
        if answer.status != expected:
            self.told.failed.append(f"{self._name} {method} {path}: {answer.status} {content!r}")
            return None
        return content


@contextmanager
def busy(port: int, token: str, kept: int, single: int) -> Iterator[Told]:
    """Clients beside what the caller does, `kept` of one kind and `single` of the other; at the end, what they were told."""
    stop, told = threading.Event(), Told(port)
    clients = [_Client(port, token, f"{'kept' if n < kept else 'single'}-{port}-{n}", kept=n < kept) for n in range(kept + single)]
    with ThreadPoolExecutor(len(clients)) as pool:
        running: list[Future[Told]] = [pool.submit(client.run, stop) for client in clients]
        try:
            yield told
        finally:
            stop.set()
    for one in running:
        answered = one.result()
        told.created += answered.created
        told.read += answered.read
        told.closed += answered.closed
        told.failed += answered.failed
