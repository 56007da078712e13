"""The memory that objects take while they are stored and read: bounded for one, and for 20 at the same time, whatever their size."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.services import ROOT

pytestmark = pytest.mark.slow

ONE_MIB: Final = 32
TWENTY_MIB: Final = 150


def moved(url: str, way: str, size: str, count: int) -> dict[str, Any]:
    """Move objects in a process of their own, which compares every byte."""
    command = [sys.executable, "-m", "benchmarks.storage_sizes", url, way, size, str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(params=["local", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"file://{tmp_path}" if request.param == "local" else str(request.getfixturevalue("s3_url"))


@pytest.mark.parametrize("way", ["put", "parts", "read"])
def test_one_object_of_64_mib_takes_at_most_32_mib(url: str, way: str) -> None:
    assert moved(url, way, "64MiB", 1)["memory_mib"] <= ONE_MIB


@pytest.mark.parametrize("way", ["put", "parts", "read"])
def test_20_objects_at_once_take_at_most_150_mib(url: str, way: str) -> None:
    assert moved(url, way, "16MiB", 20)["memory_mib"] <= TWENTY_MIB
