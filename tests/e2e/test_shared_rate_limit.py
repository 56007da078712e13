"""The server processes of one machine share a client's quota, also when one of them is killed and replaced; with Redis, all machines do."""

import http.client
import math
import os
import signal
import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import uuid4

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import serving, until

WORKERS: Final = 4
QUOTA: Final = 100


def statuses(port: int, requests: int) -> Counter[int]:
    """The statuses of requests on connections of their own."""
    found: Counter[int] = Counter()
    for _ in range(requests):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=30) as response:
                found[response.status] += 1
        except urllib.error.HTTPError as error:
            found[error.code] += 1
            error.close()
    return found


def admitted(began: float) -> int:
    """The requests that the quota admits from `began` until now: the burst, and what came back meanwhile."""
    return QUOTA + math.ceil((time.monotonic() - began) * QUOTA / 60)


@pytest.mark.slow
def test_four_processes_admit_one_quota_and_a_killed_one_frees_none_of_it(project: Project) -> None:
    limits = {"RATE_LIMIT__REQUESTS": str(QUOTA), "RATE_LIMIT__BURST": str(QUOTA)}
    with serving(project.home, "--workers", str(WORKERS), "--no-worker", **limits) as backend:
        backend.ready()
        until(lambda: len(backend.server_processes()) == WORKERS, "four processes")
        began = time.monotonic()
        found = statuses(backend.port, 200)
        assert QUOTA <= found[200] <= admitted(began)
        victim = min(backend.server_processes())
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(set(backend.server_processes()) - {victim}) == WORKERS, "a successor")
        found += statuses(backend.port, 200)
        assert QUOTA <= found[200] <= admitted(began)
        assert set(found) == {200, 429}
        assert backend.end(signal.SIGTERM) == 0


CLIENTS: Final = 8
BURST_REQUESTS: Final = 400


def burst(port: int) -> int:
    """How many of 400 requests are admitted that clients send at the same time, each on a connection of its own."""

    def client(_: int) -> int:
        connection, found = http.client.HTTPConnection("127.0.0.1", port, timeout=30), 0
        for _ in range(BURST_REQUESTS // CLIENTS):
            connection.request("GET", "/openapi.json", headers={"Accept": "application/json"})
            response = connection.getresponse()
            response.read()
            found += response.status == 200
        connection.close()
        return found

    with ThreadPoolExecutor(CLIENTS) as threads:
        return sum(threads.map(client, range(CLIENTS)))


def steady(port: int, seconds: float, per_second: int) -> int:
    """How many requests are admitted at a steady rate."""
    connection, found = http.client.HTTPConnection("127.0.0.1", port, timeout=30), 0
    began = time.monotonic()
    for number in range(int(seconds * per_second)):
        time.sleep(max(0.0, began + number / per_second - time.monotonic()))
        connection.request("GET", "/openapi.json")
        response = connection.getresponse()
        response.read()
        found += response.status == 200
    return found


@pytest.mark.slow
@pytest.mark.parametrize("store", ["memory", "redis"])
def test_what_four_processes_admit_of_a_burst_and_of_a_steady_stream(project: Project, request: pytest.FixtureRequest, store: str) -> None:
    """`LIMITS_SECONDS=60` is the full form: at 10 a second, at most 210 of 600."""
    url = "memory://" if store == "memory" else request.getfixturevalue("redis_url")
    limits = {
        "RATE_LIMIT__REQUESTS": str(QUOTA),
        "RATE_LIMIT__BURST": str(QUOTA),
        "RATE_LIMIT__PREFIX": uuid4().hex,
        "RATE_LIMIT__URL": url,
    }
    seconds = float(os.environ.get("LIMITS_SECONDS", "5"))
    with serving(project.home, "--workers", str(WORKERS), "--no-worker", RATE_LIMIT__TIMEOUT_SECONDS="1", **limits) as backend:
        backend.ready()
        until(lambda: len(backend.server_processes()) == WORKERS, "four processes")
        began = time.monotonic()
        in_burst = burst(backend.port)
        lasted = time.monotonic() - began
        assert QUOTA <= in_burst <= admitted(began)
        later = steady(backend.port, seconds, 10)
        assert later <= admitted(began) - in_burst
        assert later >= int(seconds * QUOTA / 60) - 1
        print(f"{store}: {in_burst} of 400 within {lasted:.2f} s; {later} more of {int(seconds * 10)} at 10/s within {seconds:g} s")
        assert backend.end(signal.SIGTERM) == 0
