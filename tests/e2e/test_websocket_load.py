"""200 WebSockets in one process, a stalled one among them: the seeded form of `make websocket-load`."""

import shutil

import pytest

from benchmarks.websocket_load import GO, measure
from tests.services import absent

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("deflate", [False, True])
def test_every_client_gets_every_event_and_costs_little_memory(deflate: bool) -> None:
    if not GO.exists() and shutil.which("go") is None:
        absent("Go is not installed. Install it, or run `make services`, which brings its own.")
    found = measure(count=200, rate=5.0, seconds=2.0, deflate=deflate)
    assert found.figures["failed"] == 0, found
    assert found.figures["fewest"] == found.figures["most"] >= 1, found
    assert found.bytes_each <= (100 if deflate else 60) * 1024, found
