"""The measured side of `instructions`: the application in process, counted by callgrind while it answers requests.

`python counted.py` runs in the environment of any checkout and prints JSON: instructions per request, by kind. It starts a database
and itself again under valgrind. Instrumentation is off until the application is warm; each kind ends with a dump of its counts.
"""

import asyncio
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

WARM, REQUESTS = 20, 60
KINDS = ("get", "list", "post", "limit", "limits")
"""Three requests; the decision about one limit of an address, and about the two of an authenticated request, not in d922034."""
PERIODS = ("HEARTBEAT", "INTERVAL", "MAX_SILENCE", "PATIENCE", "GAUGE_INTERVAL")
"""The periodic work of any checkout, wherever its modules define it; PATIENCE is the name of before."""
LONG = 600.0
"""Seconds: callgrind is 50 times slower, so the heartbeats of a minute would weigh as much as the requests."""


def main() -> None:
    from benchmarks.world import environment, members, world

    with world() as made, tempfile.TemporaryDirectory() as folder:
        person = members(made, 1, 60)[0]
        out = Path(folder) / "callgrind.out"
        valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}", sys.executable, __file__, "count"]
        variables = environment(made) | {"TOKEN": person.token, "ITEM": str(person.items[0]), "OBSERVABILITY__ACCESS_LOG": "false"}
        fixed = {"PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc", "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run(valgrind, env=os.environ | variables | fixed, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        nothing, *found = (totals(dump) for dump in sorted(Path(folder).glob("callgrind.out.*"), key=lambda path: int(path.suffix[1:])))
        print(json.dumps({kind: (total - nothing) // REQUESTS for kind, total in zip(KINDS, found, strict=False)}))


def totals(dump: Path) -> int:
    """The instructions that a dump of callgrind counted."""
    found = re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.MULTILINE)
    assert found is not None, dump
    return int(found[1])


async def counted() -> None:
    from api_base.bootstrap.application import create_app
    from api_base.core.config import load_settings

    for module in [module for path, module in sys.modules.items() if path.startswith("api_base.infrastructure.")]:
        for name in PERIODS:
            if hasattr(module, name):
                setattr(module, name, LONG)
    app, numbers = create_app(load_settings()), count(1)
    lengthen_intervals()

    async def get() -> None:
        await send(app, "GET", f"/api/v1/items/{os.environ['ITEM']}")

    async def listing() -> None:
        await send(app, "GET", "/api/v1/items", query=b"limit=50")

    async def post() -> None:
        price = {"amount": "12.50", "currency": "EUR"}
        body = {"sku": f"N-{next(numbers)}", "name": "Chair", "category": "furniture", "price": price, "tags": ["wood"]}
        await send(app, "POST", "/api/v1/items", body=json.dumps(body).encode())

    async with app.router.lifespan_context(app):
        listener_of_app = next(vars(one) for one in gc.get_objects() if type(one).__name__ == "NotificationListener")
        while not fresh(listener_of_app):
            await asyncio.sleep(0.1)
        kinds = (nothing, get, listing, post, *limit_decisions())
        for request in kinds:
            await repeat(request, WARM)
        gc.collect()
        gc.freeze()
        control("-i", "on")
        for request in kinds:
            control("-z")
            await repeat(request, REQUESTS)
            control("-d")
        assert fresh(listener_of_app)


def limit_decisions() -> list[Callable[[], Awaitable[object]]]:
    """Decisions as a request makes them, where the checkout has limits by address that can be decided alone."""
    limits = next((one for one in gc.get_objects() if type(one).__name__ == "RequestLimits"), None)
    if limits is None:
        return []
    default, _, failed = limits._of("192.0.2.1")
    return [lambda: limits._limiter.hit((default,)), lambda: limits._limiter.hit((default, failed))]


def lengthen_intervals() -> None:
    """Of periodic work that is made with its interval."""
    for one in gc.get_objects():
        if str(type(one).__module__).startswith("api_base.infrastructure.") and "_interval" in getattr(one, "__dict__", {}):
            vars(one)["_interval"] = LONG


async def nothing() -> None:
    """What the dump itself costs."""


def fresh(state: dict[str, Any]) -> bool:
    """Whether the listener is connected; without it each request reads the database for its principal.

    By its attribute in this version, or in those before.
    """
    until: float = state["fresh_until"] if "fresh_until" in state else state["_confirmed"] + LONG
    return until > time.monotonic()


async def repeat(request: Callable[[], Awaitable[object]], times: int) -> None:
    for _ in range(times):
        await request()


async def send(app: Any, method: str, path: str, *, query: bytes = b"", body: bytes = b"") -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def answer(message: dict[str, Any]) -> None:
        assert message.get("status", 200) in (200, 201), message

    token = os.environ["TOKEN"].encode()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"bench"), (b"authorization", b"Bearer " + token), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    await app(scope, receive, answer)


def control(*arguments: str) -> None:
    """Send a command to the valgrind around this process. It looks for commands only while the process runs, hence the loop."""
    process = subprocess.Popen(["callgrind_control", *arguments, str(os.getpid())], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        time.sleep(0.005)
    assert process.returncode == 0


if __name__ == "__main__":
    if sys.argv[1:] == ["count"]:
        asyncio.run(counted())
    else:
        main()
