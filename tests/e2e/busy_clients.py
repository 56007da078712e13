"""Clients that send requests continuously and never retry: each request without a valid response is a failure.

A client that keeps its connection sends the next request on it unless the response said `Connection: close`, and waits less than the
server's keep-alive time between two requests, as the client of the standard library does.
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

_MAX_IDLE: Final = 2.0
"""Seconds; the server keeps an idle connection for 5."""


@dataclass
class Results:
    """The results of the clients: SKUs whose creation was acknowledged, the number of reads, and the failures."""

    port: int
    created: list[str] = field(default_factory=list)
    read: int = 0
    closed: int = 0
    failed: list[str] = field(default_factory=list)

    @property
    def answers(self) -> int:
        return len(self.created) + self.read


class _Client:
    """`kept`: one connection until the server closes it; otherwise a new one for each request."""

    def __init__(self, port: int, token: str, name: str, *, kept: bool) -> None:
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._name, self._kept, self._random = name, kept, random.Random(name)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.results = Results(port)

    def run(self, stop: threading.Event) -> Results:
        for number in itertools.count():
            sku = f"{self._name}-{number}"
            item = {"sku": sku, "name": "Chair", "category": "furniture"}
            if created := self._ask("POST", "/api/v1/items", 201, json.dumps(item)):
                self.results.created.append(sku)
                if self._ask("GET", f"/api/v1/items/{json.loads(created)['id']}", 200):
                    self.results.read += 1
            if stop.wait(self._random.choice([0.0, 0.0, 0.01, self._random.uniform(0, _MAX_IDLE)])):
                self._connection.close()
                return self.results
        raise AssertionError

    def _ask(self, method: str, path: str, expected: int, body: str | None = None) -> bytes | None:
        try:
            self._connection.request(method, path, body, self._headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.results.failed.append(f"{self._name} {method} {path}: {error!r}")
            self._connection.close()
            return None
        self.results.closed += answer.will_close
        if not self._kept:
            self._connection.close()
        if answer.status != expected:
            self.results.failed.append(f"{self._name} {method} {path}: {answer.status} {content!r}")
            return None
        return content


@contextmanager
def busy(port: int, token: str, kept: int, single: int) -> Iterator[Results]:
    """Run clients in the background: `kept` with a kept connection, `single` with one per request. The result is complete after the block."""
    stop, results = threading.Event(), Results(port)
    clients = [_Client(port, token, f"{'kept' if n < kept else 'single'}-{port}-{n}", kept=n < kept) for n in range(kept + single)]
    with ThreadPoolExecutor(len(clients)) as pool:
        running: list[Future[Results]] = [pool.submit(client.run, stop) for client in clients]
        try:
            yield results
        finally:
            stop.set()
    for one in running:
        answered = one.result()
        results.created += answered.created
        results.read += answered.read
        results.closed += answered.closed
        results.failed += answered.failed
