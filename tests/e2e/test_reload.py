"""`api-base serve --reload`: the code changes while clients send requests continuously, and none of them fails."""

import http.client
import os
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import PATIENCE, UNLIMITED, Backend, serving, until

RELOADS = int(os.environ.get("RELOADS", "2"))
"""With more of them, and with `-s`, the times are worth reading."""
CLIENTS = 4
CONTEXT = """\
from fastapi import APIRouter

from api_base import Context
from desk.words import WORD


def routes(bus: object) -> APIRouter:
    router = APIRouter()

    @router.get("/word")
    async def word() -> str:
        return WORD

    return router


DESK = Context(name="desk", prefix="/desk", routes=routes)
"""
SECOND_ROUTE = """
    @router.get("/word")
    async def other_word() -> str:
        return WORD

    return router
"""


@dataclass
class Answers:
    """What all clients received."""

    words: set[str] = field(default_factory=set)
    count: int = 0
    failed: list[str] = field(default_factory=list)

    def read(self, port: int, stop: threading.Event) -> None:
        while not stop.wait(0.01):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            try:
                while not stop.wait(0.01):
                    connection.request("GET", "/desk/word")
                    answer = connection.getresponse()
                    text = answer.read().decode()
                    self.count += 1
                    if answer.status == 200:
                        self.words.add(text.strip('"'))
                    else:
                        self.failed.append(f"{answer.status} {text}")
                    if answer.will_close:
                        break
                    self.failed.append("the connection was kept")
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
            finally:
                connection.close()


@contextmanager
def reading(port: int) -> Iterator[Answers]:
    """Clients that never retry, until the end of the block."""
    stop, answers = threading.Event(), Answers()
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(answers.read, port, stop) for _ in range(CLIENTS)]
        try:
            yield answers
        finally:
            stop.set()
        for one in running:
            one.result()


@dataclass
class Desk:
    """The package of a context."""

    folder: Path

    def say(self, word: str) -> None:
        self.write("words.py", f"WORD = {word!r}\n")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    @property
    def variables(self) -> dict[str, str]:
        return {"CONTEXTS": "desk:DESK", "PYTHONPATH": str(self.folder.parent), **UNLIMITED}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    one = Desk(tmp_path / "desk")
    one.folder.mkdir()
    one.write("__init__.py", CONTEXT)
    one.say("first")
    return one


@pytest.mark.slow
def test_the_new_code_answers_and_no_request_fails(project: Project, desk: Desk) -> None:
    with serving(project.home, "--reload", **desk.variables) as backend:
        backend.ready()
        database, times = backend.child("postgres"), list[float]()
        with reading(backend.port) as answers:
            until(lambda: "first" in answers.words and len(backend.server_processes()) == 2, "an answer, and a process that stands by")
            for number in range(RELOADS):
                until(lambda starts=number + 1: backend.output.count("worker_started") == starts, "the worker of this code")
                before = backend.server_processes()
                word = f"word {number}"
                desk.say(word)
                saved = time.monotonic()
                until(lambda word=word: word in answers.words, word)
                times.append(time.monotonic() - saved)
                until(lambda before=before: stands_by(backend, before), "the end of the old process")
            until(lambda: backend.output.count("worker_started") == RELOADS + 1, "the worker of the last code")
        assert answers.failed == []
        assert answers.words == {"first", *(f"word {number}" for number in range(RELOADS))}
        assert backend.child("postgres") == database
        assert backend.end(signal.SIGTERM) == 0
    assert "Traceback" not in backend.output
    print(
        f"{RELOADS} reloads: {statistics.median(times):.2f} s ({', '.join(f'{one:.2f}' for one in sorted(times))}), "
        f"{answers.count} answers, load {os.getloadavg()[0]:.1f}"
    )


def stands_by(backend: Backend, before: set[int]) -> bool:
    """Whether the process that stood by serves alone, and a new one stands by."""
    found = backend.server_processes()
    return len(found) == 2 and found != before


@pytest.mark.slow
def test_code_that_cannot_serve_is_reported_with_its_place_and_the_old_code_serves_on(project: Project, desk: Desk) -> None:
    with serving(project.home, "--reload", "--no-worker", **desk.variables) as backend:
        backend.ready()
        with reading(backend.port) as answers:
            desk.write("words.py", "\nWORD = (\n")
            until(lambda: "the old ones continue" in backend.output, "the report")
            assert "desk/words.py:2: SyntaxError: '(' was never closed." in backend.output
            desk.say("second")
            until(lambda: "second" in answers.words, "the repaired code")
            desk.write("__init__.py", CONTEXT.replace("\n    return router\n", SECOND_ROUTE))
            until(lambda: backend.output.count("the old ones continue") == 2, "the second report")
            assert "desk/__init__.py:14: Two routes serve GET /desk/word" in backend.output
            desk.say("third")
            until(lambda: backend.output.count("the old ones continue") == 3, "the third report: the context is still wrong")
            assert answers.words == {"first", "second"}
            desk.write("__init__.py", CONTEXT)
            until(lambda: "third" in answers.words, "the repaired context")
            reports = backend.output.count("starting processes with the new code")
            desk.say("fourth")
            until(lambda: backend.output.count("starting processes with the new code") > reports, "the beginning of a reload")
            desk.say("fifth")
            until(lambda: "fifth" in answers.words, "what was saved during the reload")
        assert answers.failed == []
        assert backend.end(signal.SIGINT) == 0
    assert "Traceback" not in backend.output
