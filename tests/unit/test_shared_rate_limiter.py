"""What only the limiter in shared memory promises: processes count together, and none of them can hold the others up."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from api_base.core.protocols import Charge, Rate
from api_base.infrastructure.rate_limit import shared
from api_base.infrastructure.rate_limit.shared import SharedRateLimiter
from tests.factories.limits import hit

LIMIT: Final = Rate(100, 3600, 100)
PROCESSES: Final = 4
HITTING: Final = """
import asyncio, sys
from pathlib import Path
from api_base.core.protocols import Charge, Rate
from api_base.infrastructure.rate_limit.shared import SharedRateLimiter
limiter = SharedRateLimiter(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
async def hit():
    charges = [Charge("203.0.113.7", "test", Rate(100, 3600, 100))]
    return sum([(await limiter.hit(charges)).allowed for _ in range(int(sys.argv[2]))])
print(asyncio.run(hit()), flush=True)
sys.stdin.readline()
"""


def hitting(table: Path, hits: int) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HITTING, str(table), str(hits)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def allowed(process: "subprocess.Popen[str]") -> int:
    """How many hits of `process` were allowed, once it has begun."""
    assert process.stdout is not None
    return int(process.stdout.readline())


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_processes_count_together_and_a_killed_one_gives_nothing_back(tmp_path: Path) -> None:
    processes = [hitting(tmp_path / "table", 400) for _ in range(PROCESSES)]
    for process in processes:
        go(process)
    assert sum(allowed(process) for process in processes) == LIMIT.burst
    for process in processes:
        end(process)
    late = hitting(tmp_path / "table", 10)
    go(late)
    assert allowed(late) == 0
    end(late)


def test_a_stopped_process_with_a_lock_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "table"
    limiter = SharedRateLimiter(path)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import fcntl; f = open({str(path)!r}, 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGSTOP)
    assert [asyncio.run(hit(limiter, "a", LIMIT, 40)).allowed for _ in range(3)] == [True, True, False]
    end(holder)


def test_a_lock_is_released_after_each_decision_also_after_an_error(tmp_path: Path) -> None:
    limiter = SharedRateLimiter(tmp_path / "table")
    with pytest.raises(TypeError):
        asyncio.run(hit(limiter, "a", LIMIT, "a cost that is no number"))  # type: ignore[arg-type]
    asyncio.run(limiter.hit([Charge(partition, "test", LIMIT) for partition in "abc"]))
    other = f"import fcntl; fcntl.lockf(open({str(tmp_path / 'table')!r}, 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    assert subprocess.run([sys.executable, "-c", other], check=False).returncode == 0


async def test_a_new_key_takes_the_place_of_the_one_that_is_free_soonest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "SETS", 1)
    limiter = SharedRateLimiter(tmp_path / "table", now=lambda: 1.0)
    for number in range(shared.SLOTS):
        await hit(limiter, str(number), LIMIT, number + 2)
    await hit(limiter, "new", LIMIT)
    remaining = [(await hit(limiter, key, LIMIT, checked=True)).states[0].remaining for key in ("0", "1", "7", "new")]
    assert remaining == [99, 96, 90, 98]


def test_only_its_user_may_read_the_table_and_a_second_process_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "table"
    SharedRateLimiter(path)
    content = path.read_bytes()
    assert os.stat(path).st_mode & 0o777 == 0o600
    SharedRateLimiter(path)
    assert path.read_bytes() == content
    assert len({SharedRateLimiter(tmp_path / name)._secret for name in ("one", "two")}) == 2
    with path.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
