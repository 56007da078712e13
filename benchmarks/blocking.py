"""How long one request of the allowed size keeps the event loop of a server process: the longest turn of the loop in thread CPU time.

A turn is one poll with every callback that was ready, so it is at least as long as the longest callback. The best of five rounds counts.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from benchmarks.report import show
from benchmarks.serving import free_port, wait_for
from benchmarks.world import Member, World, environment, members, world

ROUNDS: Final = 5
OWED: Final = "best <= 50"
FORM: Final = "application/x-www-form-urlencoded"
MB: Final = 1 << 20
BODY, BATCH, UPLOAD, HEADER, QUERY = MB, 8 * MB, 10 * MB, 32_000, 16_000
"""The limits of the routes and of the server, as shipped."""

_numbers = count()


def repeated(before: str, one: str, after: str, size: int, *, separator: str = ",") -> bytes:
    """Text of about `size` bytes in which `one` is repeated; `#` in it is a different number each time."""
    each = len(one) + len(separator) + (6 if "#" in one else 0)
    numbers = range((size - len(before) - len(after)) // each)
    return (before + separator.join(one.replace("#", f"{number:x}") for number in numbers) + after).encode()


def item(**changes: object) -> dict[str, Any]:
    return {"sku": f"B-{next(_numbers)}", "name": "Chair", "category": "furniture", **changes}


def largest_item() -> dict[str, Any]:
    attributes = {f"attribute {number}": number for number in range(550)}
    return item(description="é" * 10_000, tags=[f"tag {number:040}" for number in range(50)], attributes=attributes)


def opened(**changes: object) -> str:
    """The JSON of an item without its closing brace."""
    return json.dumps(item(**changes))[:-1]


def creations(size: int, **changes: object) -> list[dict[str, Any]]:
    return [{"action": "create", "item": item(**changes)} for _ in range(size)]


def batch(operations: Sequence[object], mode: str = "atomic") -> bytes:
    return json.dumps({"mode": mode, "operations": operations}).encode()


def rows(size: int) -> bytes:
    return repeated("sku,name,category\n", "I-#,Chair,furniture", "\n", size, separator="\n")


class Client:
    """One member of a tenant, who sends requests to the server on `port`."""

    def __init__(self, port: int, member: Member) -> None:
        self._port, self._token, self.items = port, member.token, member.items

    def request(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json", **headers: str) -> bytes:
        lines = {"Host": "bench", "Authorization": f"Bearer {self._token}", "Connection": "close"}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            lines |= {"Content-Type": kind} | ({} if "Transfer_Encoding" in headers else {"Content-Length": str(len(body))})
        return (
            f"{method} {path} HTTP/1.1\r\n".encode()
            + b"".join(f"{n}: {v}\r\n".encode() for n, v in lines.items())
            + b"\r\n"
            + (body or b"")
        )

    def send(self, request: bytes) -> str:
        """The status of the response, once it is complete and the server is idle again."""
        status = self._exchange(request)
        self._exchange(b"GET /health/live HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
        return status

    def _exchange(self, request: bytes) -> str:
        with socket.create_connection(("127.0.0.1", self._port), 60) as connection:
            connection.sendall(request)
            received = bytearray()
            while piece := connection.recv(1 << 16):
                received += piece
        return received[9:12].decode()


def requests(client: Client) -> Iterator[tuple[str, bytes]]:
    """Requests of the allowed size. Those that change something are new each time."""

    def post(what: str, body: bytes, **headers: str) -> tuple[str, bytes]:
        return what, client.request("POST", "/api/v2/items", body, **headers)

    def patch(what: str, body: bytes) -> tuple[str, bytes]:
        return what, client.request("PATCH", f"/api/v2/items/{client.items[0]}", body, If_Match="*")

    def batched(what: str, body: bytes) -> tuple[str, bytes]:
        return what, client.request("POST", "/api/v2/items/batch", body)

    def upload(what: str, body: bytes, kind: str = "text/csv") -> tuple[str, bytes]:
        return what, client.request("POST", "/api/v1/files?name=a", body, kind)

    def imported(what: str, body: bytes) -> tuple[str, bytes]:
        return what, client.request("POST", "/api/v2/items/imports", body)

    def get(what: str, path: str, **headers: str) -> tuple[str, bytes]:
        return what, client.request("GET", path, **headers)

    yield post("create: largest item", json.dumps(largest_item()).encode())
    yield post("create: unknown members", repeated("{", '"#":1', "}", BODY))
    yield post("create: numbers as tags", repeated(opened() + ',"tags":[', "1", "]}", BODY))
    yield post("create: texts as tags", repeated(opened() + ',"tags":[', '"#"', "]}", BODY))
    yield post("create: members of attributes", repeated(opened() + ',"attributes":{', '"#":1', "}}", BODY))
    yield post("create: lists in attributes", repeated(opened() + ',"attributes":{"a":[', "[]", "]}}", BODY))
    yield post("create: large numbers in attributes", repeated(opened() + ',"attributes":{"a":[', "1e308", "]}}", BODY))
    yield post("create: combining marks", (opened() + ',"description":"' + "\u0323\u0301" * (BODY // 5) + '"}').encode())
    yield post("create: brackets", repeated("[", "[]", "]", BODY))
    yield post("create: parts of one byte", parts(repeated(opened() + ',"attributes":{', '"#":1', "}}", BODY)), Transfer_Encoding="chunked")
    yield patch("patch: members", repeated('{"attributes":{', '"#":null', "}}", BODY))
    yield patch("patch: objects", repeated('{"attributes":{', '"#":{}', "}}", BODY))
    yield patch("patch: unknown members", repeated("{", '"#":null', "}", BODY))
    yield patch("patch: largest item", json.dumps({k: v for k, v in largest_item().items() if k != "sku"}).encode())
    yield batched("batch: 1,000 creations", batch(creations(1000)))
    yield batched("batch: 1,000 creations of 8 KB", batch(creations(1000, description="x" * 7900)))
    yield batched("batch: 1,000 creations with attributes", batch(creations(1000, attributes={f"a{n}": n for n in range(550)})))
    yield batched("batch: 1,000 creations, the last refused", batch([*creations(999), *creations(1, name="\t")]))
    changes = [{"action": "update", "id": str(id), "changes": {"name": f"n {next(_numbers)}"}} for id in client.items]
    yield batched("batch: 1,000 updates", batch(changes))
    yield batched("batch: 1,000 independent updates", batch([{**one, "changes": {"name": "x"}} for one in changes], "independent"))
    yield batched("batch: unknown members", repeated('{"operations":[{"action":"create","item":{', '"#":1', "}}]}", BATCH))
    yield batched("batch: empty operations", repeated('{"operations":[', "{}", "]}", BATCH))
    many = {"action": "create", "item": {f"{n:x}": 1 for n in range(800)}}
    yield batched("batch: unknown members in 1,000 operations", batch([many] * 1000))
    yield batched("batch: members of attributes", repeated('{"operations":[' + opened() + ',"attributes":{', '"#":1', "}}]}", BATCH))
    yield upload("upload: CSV rows", rows(UPLOAD))
    yield upload("upload: JSON brackets", repeated('[{"a":[', "[]", "]}]", UPLOAD), "application/json")
    yield imported(
        "import: mapping", json.dumps({"file_id": str(uuid4()), "map": [f"attributes.a{n}=" + "{sku}" * 90 for n in range(100)]}).encode()
    )
    yield imported("import: unknown members", repeated("{", '"#":1', "}", BODY))
    yield "token: form", client.request("POST", "/api/v1/auth/token", b"grant_type=password&username=" + b"%41" * 10_000, FORM)
    login = json.dumps({"email": "ana@example.com", "password": "\u0323\u0301" * 500}, ensure_ascii=False).encode()
    yield "log-in: combining marks", client.request("POST", "/api/v1/auth/login", login)
    yield "log-in: unknown members", client.request("POST", "/api/v1/auth/login", repeated("{", '"#":1', "}", BODY))
    values = ",".join(f"v{number}" for number in range(90))
    yield get("list: longest query", f"/api/v2/items?{'&'.join(f'name[in]={values}' for _ in range(20))}"[:QUERY])
    yield get("list: parameters", "/api/v2/items?" + "&".join(["name=x"] * 2000))
    yield get("list: brackets", "/api/v2/items?" + "[" * QUERY)
    yield get("list: 200 items", "/api/v2/items?limit=200")
    yield get("list: longest cursor", "/api/v2/items?cursor=" + "W1tb" * 1024)
    yield get("read: path", "/api/v2/items/" + "%2F" * (HEADER // 3))
    yield get("read: unknown path", "/" + "a/" * (HEADER // 2))
    yield get("read: parameters", f"/api/v2/items/{client.items[0]}?" + "fields=id&" * (QUERY // 10))
    yield get("read: fields", f"/api/v2/items/{client.items[0]}?fields=" + "id," * (HEADER // 3))
    for name, value in HEADERS.items():
        yield get(
            f"header: {name}", f"/api/v2/items/{client.items[0]}", **{name.replace("-", "_"): value * ((HEADER - 1000) // len(value))}
        )
    yield get("header: fields", f"/api/v2/items/{client.items[0]}", **{f"X-{number}": "x" * 300 for number in range(90)})
    yield (
        "pipelined requests",
        b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n" * 60 + b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )


def parts(body: bytes) -> bytes:
    """A body in chunks of one byte [RFC 9112, section 7.1]."""
    return b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"


HEADERS: Final[Mapping[str, str]] = {
    "If-None-Match": 'W/"v1-json1",',
    "Accept-Language": "de;q=0.1,",
    "X-Forwarded-For": "10.0.0.1,",
    "Forwarded": 'for="[2001:db8::1]",',
    "Cookie": "a=b;",
    "Idempotency-Key": "a",
    "X-Request-ID": "a-",
    "traceparent": "0-",
    "User-Agent": "1.",
    "Host": "a.",
}


@contextmanager
def served(made: World) -> Iterator[tuple[int, Path]]:
    """The measured server. Yields its port and the file of its longest turn."""
    port, file = free_port(), made.home / "longest"
    file.write_bytes(bytes(8))
    with socket.create_server(("127.0.0.1", port)) as listener, (made.home / "blocking.log").open("wb") as log:
        command = [sys.executable, "-m", "benchmarks.blocking_server", str(listener.fileno()), str(file)]
        unlimited = {"RATE_LIMIT__LOGIN_REQUESTS": "1000000", "RATE_LIMIT__LOGIN_BURST": "1000000"}
        variables = os.environ | environment(made) | unlimited
        process = subprocess.Popen(command, env=variables, pass_fds=[listener.fileno()], stdout=log, stderr=log)
        try:
            wait_for(port)
            yield port, file
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    figures: dict[str, list[float]] = {}
    answers: dict[str, str] = {}
    with world() as made:
        person = members(made, 1, 1000)[0]
        with served(made) as (port, file):
            client = Client(port, person)
            for _ in range(ROUNDS + 1):
                for what, request in requests(client):
                    _reset(file)
                    answers[what] = client.send(request)
                    figures.setdefault(what, []).append(int.from_bytes(file.read_bytes()) / 1e6)
    for what, turns in figures.items():
        show(f"{what} ({answers[what]})", turns[1:], "ms", owed=OWED)


def _reset(file: Path) -> None:
    with file.open("r+b") as opened_file:
        opened_file.write(bytes(8))
