"""The measured side of `instructions` and `tracing`: the application in process, counted by callgrind while it answers requests.

`python counted.py` runs in the environment of any checkout and prints JSON: instructions per request, by kind, one figure for each block of
requests. It starts a database and itself again under valgrind. Instrumentation is off until the application is warm; each block ends with a
dump of its counts. The blocks of all kinds alternate, so that what changes in the process with time is the same for each.
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
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from pathlib import Path
from typing import Any

WARM, REQUESTS, BLOCKS = 20, 60, 5
REWARM = 80
"""Requests before a block of another variant: the interpreter adapts its instructions to functions that were exchanged only after 52 misses."""
PERIODS = ("HEARTBEAT", "MAX_SILENCE", "PATIENCE")
"""The periodic work of any checkout, wherever its modules define it, beside every INTERVAL; PATIENCE is the name of before."""
LONG = 600.0
"""Seconds: callgrind is 50 times slower, so the heartbeats of a minute would weigh as much as the requests."""

type Request = Callable[[], Awaitable[object]]
type Variant = Callable[[], AbstractContextManager[object]]


def main() -> None:
    print(json.dumps(measured(__file__, "count")))


def measured(script: str, *arguments: str) -> dict[str, list[int]]:
    """Run a script under callgrind that calls `count_blocks`. Return the instructions of a request in each block, by kind."""
    from benchmarks.world import environment, members, world

    with world() as made, tempfile.TemporaryDirectory() as folder:
        person = members(made, 1, 60)[0]
        out, kinds = Path(folder) / "callgrind.out", Path(folder) / "kinds"
        valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}", sys.executable, script, *arguments]
        variables = environment(made) | {"TOKEN": person.token, "ITEM": str(person.items[0]), "OBSERVABILITY__ACCESS_LOG": "false"}
        fixed = {"PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc", "PYTHONPATH": os.pathsep.join(sys.path), "KINDS": str(kinds)}
        subprocess.run(valgrind, env=os.environ | variables | fixed, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        dumps = sorted(Path(folder).glob("callgrind.out.*"), key=lambda path: int(path.suffix[1:]))
        found: dict[str, list[int]] = {}
        for kind, dump in zip(kinds.read_text().split(), dumps, strict=False):
            found.setdefault(kind, []).append(totals(dump))
    nothing = min(found.pop("nothing"))
    return {kind: [(total - nothing) // REQUESTS for total in figures] for kind, figures in found.items()}


def totals(dump: Path) -> int:
    """The instructions that a dump of callgrind counted."""
    found = re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.MULTILINE)
    assert found is not None, dump
    return int(found[1])


async def counted(variants: Mapping[str, Variant] | None = None) -> None:
    """Count each kind of request and the decisions about limits; with `variants`, each kind of request in each of them, named "kind/variant"."""
    from api_base.bootstrap.application import create_app
    from api_base.core.config import load_settings

    lengthen_periods()
    app = create_app(load_settings())
    lengthen_periods()  # also of what was imported meanwhile
    async with app.router.lifespan_context(app):
        listener_of_app = next(vars(one) for one in gc.get_objects() if type(one).__name__ == "NotificationListener")
        while not fresh(listener_of_app):
            await asyncio.sleep(0.1)
        if variants is None:
            await count_blocks(requests(app) | limit_decisions(), {"": nullcontext})
        else:
            await count_blocks(requests(app), variants)
        assert fresh(listener_of_app)


def requests(app: Any) -> dict[str, Request]:
    """A read by id, a list of 50 and a creation, in the newest version of the API."""
    numbers, versions = count(1), getattr(getattr(app.state, "services", None), "versions", None)
    path = "/api/v1/items" if versions is None else f"/api/v{versions.newest}/items"

    async def get() -> None:
        await send(app, "GET", f"{path}/{os.environ['ITEM']}")

    async def listing() -> None:
        await send(app, "GET", path, query=b"limit=50")

    async def post() -> None:
        price = {"amount": "12.50", "currency": "EUR"}
        priced = {"price": price} if versions is None else {"prices": [price]}
        body = {"sku": f"N-{next(numbers)}", "name": "Chair", "category": "furniture", **priced, "tags": ["wood"]}
        await send(app, "POST", path, body=json.dumps(body).encode())

    return {"get": get, "list": listing, "post": post}


async def count_blocks(kinds: Mapping[str, Request], variants: Mapping[str, Variant]) -> None:
    """Answer the blocks. Each begins with requests that are not counted."""
    order = [(kind, variant) for kind in kinds for variant in variants]
    blocks = [("nothing", "")] * 3 + order * BLOCKS
    name_dumps(f"{kind}/{variant}".rstrip("/") for kind, variant in blocks)
    for kind, variant in order:
        with variants[variant]():
            await repeat(kinds[kind], WARM)
    gc.collect()
    gc.freeze()
    control("-i", "on")
    for kind, variant in blocks:
        with variants.get(variant, nullcontext)():
            request = kinds.get(kind, nothing)
            await repeat(request, REWARM if variant else WARM)
            gc.collect()
            control("-z")
            await repeat(request, REQUESTS)
            control("-d")


def name_dumps(names: Iterable[str]) -> None:
    """Leave the kind of each dump for `measured`."""
    Path(os.environ["KINDS"]).write_text(" ".join(names))


def limit_decisions() -> dict[str, Request]:
    """The decision about one limit of an address, and about the two of an authenticated request, where they can be made alone: not in d922034."""
    limits = next((one for one in gc.get_objects() if type(one).__name__ == "RequestLimits"), None)
    if limits is None:
        return {}
    default, _, failed = limits._of("192.0.2.1")
    return {"limit": lambda: limits._limiter.hit((default,)), "limits": lambda: limits._limiter.hit((default, failed))}


def lengthen_periods() -> None:
    """Of all periodic work, that of modules and that of objects which are made with their interval."""
    for module in [module for path, module in sys.modules.items() if path.startswith("api_base.")]:
        for name in [name for name in vars(module) if name in PERIODS or name.endswith("INTERVAL")]:
            setattr(module, name, LONG)
    for one in gc.get_objects():
        if str(type(one).__module__).startswith("api_base.") and "_interval" in getattr(one, "__dict__", {}):
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
