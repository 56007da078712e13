"""One of four server processes is killed under load, again and again: only the requests in that process fail, and it is replaced."""

import http.client
import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import PATIENCE, UNLIMITED, alive, serving, until

KILLS: Final = int(os.environ.get("KILLS", "5"))
WORKERS: Final = 4
CLIENTS: Final = 3


class Results:
    """The numbers of answers and failures of all clients."""

    def __init__(self) -> None:
        self.answers = self.failures = 0


@contextmanager
def asking(port: int) -> Iterator[Results]:
    """Clients that send one request after the other, each on a new connection."""
    stop, results, lock = threading.Event(), Results(), threading.Lock()

    def ask() -> None:
        while not stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            try:
                connection.request("GET", "/openapi.json")
                good = connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                good = False
            finally:
                connection.close()
            with lock:
                results.answers += good
                results.failures += not good

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield results
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.slow
def test_only_the_requests_in_a_killed_process_fail_and_it_is_replaced(project: Project) -> None:
    with serving(project.home, "--workers", str(WORKERS), "--no-worker", **UNLIMITED) as backend:
        backend.ready()
        until(lambda: len(backend.server_processes()) == WORKERS, "four processes")
        chosen = random.Random(9)
        with asking(backend.port) as results:
            for kill in range(1, KILLS + 1):
                before = backend.server_processes()
                victim = chosen.choice(sorted(before))
                os.kill(victim, signal.SIGKILL)
                answered = results.answers
                until(lambda answered=answered: results.answers > answered + 20, "answers from the other processes")
                until(lambda: len(backend.server_processes()) == WORKERS, "a successor")
                assert all(alive(pid) for pid in before - {victim})
                assert results.failures <= kill * CLIENTS
        assert backend.output.count("ended with code -9; starting another one") == KILLS
        assert backend.end(signal.SIGTERM) == 0
    assert "Traceback" not in backend.output
