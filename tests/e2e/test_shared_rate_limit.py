"""The server processes of one machine share a client's quota, also when one of them is killed and replaced."""

import math
import os
import signal
import time
import urllib.error
import urllib.request
from collections import Counter
from typing import Final

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
