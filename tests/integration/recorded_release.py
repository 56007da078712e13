"""A client of version 1 of the API as it was released: what it sends, and what it was answered, with ids, times and secrets named by their order.

`RECORD=1 pytest tests/integration/test_recorded_release.py`, in a checkout of the release that is to be recorded, writes the answers to
`recorded_release.json`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.application import Running

FILE: Final = Path(__file__).with_suffix(".json")
_NAMED: Final = (
    ("id", re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")),
    ("time", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")),
    ("person", re.compile(r"person-\d+")),
    ("slug", re.compile(r"personal-[0-9a-f]{32}")),
    ("digest", re.compile(r'(?<=")[0-9a-f]{24}(?=-json)')),
    ("secret", re.compile(r'(?<=_token":")[^"]+|(?<=_cursor":")[^"]+')),
)
"""What differs from run to run. Each value is named by its order, so that equal ones have equal names."""
_OF_THE_RUN: Final = frozenset({"x-request-id", "traceparent", "ratelimit", "ratelimit-policy", "content-length", "cache-status"})
_NEWER: Final = frozenset({"deprecation", "sunset", "link"})
"""Headers that a version gets when a newer one replaces a part of it."""

CHAIR: Final = {
    "sku": "CHAIR-1",
    "name": "Chair",
    "category": "furniture",
    "price": {"amount": "12.50", "currency": "EUR"},
    "tags": ["wood"],
}
STOOL: Final = {"sku": "STOOL-1", "name": "Stool", "category": "furniture", "description": "Three legs", "attributes": {"legs": 3}}
ITEMS: Final = "/api/v1/items"
FORMATS: Final = ("text/csv", "application/jsonl")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A request. Braces in the path, the body and the headers name what `keep` has kept of earlier answers."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}{' ' + json.dumps(self.body) if self.body is not None else ''}{' ' + str(dict(self.headers)) if self.headers else ''}"


def _get(path: str, keep: Mapping[str, str] | None = None, **headers: str) -> Step:
    return Step(method="GET", path=path, headers={name.replace("_", "-"): value for name, value in headers.items()}, keep=keep or {})


def _send(method: str, path: str, body: Any = None, keep: Mapping[str, str] | None = None, **headers: str) -> Step:
    return Step(
        method=method, path=path, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()}, keep=keep or {}
    )


def _steps() -> Iterator[Step]:
    one = f"{ITEMS}/{{chair}}"
    yield from (
        _get("/api/v1/users/me"),
        _get("/api/v1/users/me?fields=id,platform_admin"),
        _send("PATCH", "/api/v1/users/me", {"name": "Bea"}, If_Match="*"),
    )
    yield from (
        _get("/api/v1/tenants", {"tenant": "items.0.id"}),
        _get("/api/v1/tenants/{tenant}"),
        _get("/api/v1/tenants/{tenant}/members"),
    )
    yield _send("POST", ITEMS, CHAIR, {"chair": "id"}, Idempotency_Key="first")
    yield _send("POST", ITEMS, CHAIR, Idempotency_Key="first")
    yield from (_send("POST", ITEMS, CHAIR), _send("POST", ITEMS, STOOL, {"stool": "id"}))
    for wrong in (
        {},
        {**CHAIR, "price": 5},
        {**CHAIR, "price": {"amount": "x", "currency": "EUR"}},
        {**CHAIR, "prices": []},
        {**CHAIR, "sku": " "},
    ):
        yield _send("POST", ITEMS, wrong)
    for wrong in (
        {"amount": "1.234", "currency": "EUR"},
        {"amount": "-1", "currency": "EUR"},
        {"amount": "1", "currency": "XXY"},
        {"amount": "1"},
    ):
        yield _send("POST", ITEMS, {**CHAIR, "sku": "WRONG", "price": wrong})
    yield from (_get(one), _get(one, If_None_Match='"v1-json1"'), _get(f"{one}?fields=sku,price"), _get(f"{one}?fields=prices"))
    yield from (_send("HEAD", one), _send("OPTIONS", one), _get(f"{ITEMS}/00000000-0000-7000-8000-000000000000"))
    for change in (
        {"price": {"amount": "15.00"}},
        {"price": {"currency": "USD"}},
        {"name": "Armchair"},
        {"price": None},
        {"price": {"amount": "3"}},
    ):
        yield _send("PATCH", one, change, If_Match="*")
    yield from (
        _send("PATCH", one, {"price": {"amount": "9.90", "currency": "EUR"}, "tags": None}, If_Match="*"),
        _send("PATCH", one, {"name": "Late"}, If_Match='"v1-json1"'),
    )
    yield _send("PATCH", one, {"name": "Unconditional"})
    yield from (
        _send("POST", f"{one}/publish"),
        _send("POST", f"{ITEMS}/{{stool}}/publish"),
        _send("PATCH", one, {"price": None}, If_Match="*"),
    )
    for query in (
        "",
        "?sort=name",
        "?sort=-price.amount&price.currency=EUR",
        "?price.amount[ge]=9.90&price.currency=EUR",
        "?price.currency[is_null]=true",
        "?fields=sku,price,version&sort=sku",
        "?q=stool",
        "?include_total=true",
        "?sort=sku&limit=1",
        "?prices.currency=EUR",
        "?sort=prices",
        "?price.amount[ge]=1",
        "?limit=0",
        "?colour=red",
    ):
        yield _get(f"{ITEMS}{query}")
    yield _get(f"{ITEMS}?sort=sku&limit=1", {"cursor": "next_cursor"})
    yield from (
        _get(f"{ITEMS}?sort=sku&limit=1&cursor={{cursor}}"),
        _send("QUERY", ITEMS, {"price.amount": {"ge": "1"}, "price.currency": "EUR"}),
    )
    for accept in FORMATS:
        yield from (_get(f"{ITEMS}?sort=sku", Accept=accept), _get(f"{ITEMS}?sort=sku&fields=sku,price", Accept=accept))
    for mode in ("atomic", "independent"):
        good: Any = {"action": "create", "item": {**STOOL, "sku": f"BATCH-{mode}", "price": {"amount": "1", "currency": "JPY"}}}
        bad: Any = {"action": "update", "id": "{stool}", "changes": {"price": {"amount": "x", "currency": "EUR"}}}
        yield from (
            _send("POST", f"{ITEMS}/batch", {"mode": mode, "operations": [good, bad]}),
            _send("POST", f"{ITEMS}/batch", {"mode": mode, "operations": [bad]}),
        )
        yield _send("POST", f"{ITEMS}/batch", {"mode": mode, "operations": [{**good, "item": {**good["item"], "sku": f"MORE-{mode}"}}]})
    yield from (_send("POST", f"{one}/archive"), _send("DELETE", one, If_Match="*"), _get(one), _send("POST", f"{one}/restore"), _get(one))
    yield from (_get("/api/v1/jobs"), _get("/api/v1/files"), _get("/api/v1/flags"), _get("/api/v1/nothing"), _send("PUT", one, {}))
    yield from (
        _send("POST", ITEMS, CHAIR, Content_Type="text/plain"),
        _get(ITEMS, Accept="image/png"),
        _get(one, Authorization="Bearer no"),
    )


STEPS: Final = tuple(_steps())


class Names:
    """Names what differs from run to run, in the order in which it appears."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def named(self, text: str) -> str:
        for kind, pattern in _NAMED:
            text = pattern.sub(lambda found, kind=kind: self._known.setdefault(found[0], f"<{kind} {len(self._known) + 1}>"), text)
        return text


async def answers(api: Running) -> list[dict[str, Any]]:
    """Send all steps, and return what each was answered."""
    person, names, kept, found = await api.person(), Names(), dict[str, str](), list[dict[str, Any]]()
    for step in STEPS:
        sent = json.dumps(step.body)
        for name, value in kept.items():
            sent = sent.replace(f"{{{name}}}", value)
        body = {} if step.body is None else {"content": sent.encode()}
        headers = {**person.headers, "X-Request-ID": "recorded", **({"Content-Type": "application/json"} if body else {}), **step.headers}
        path = step.path
        for name, value in kept.items():
            path = path.replace(f"{{{name}}}", value)
        answer = await api.client.request(step.method, path, headers=headers, **body)
        kept |= {name: _at(answer, place) for name, place in step.keep.items()}
        shown = {name: value for name, value in answer.headers.items() if name not in _OF_THE_RUN | _NEWER}
        found.append(
            {
                "step": step.name,
                "status": answer.status_code,
                "headers": json.loads(names.named(json.dumps(shown))),
                "body": names.named(answer.text),
            }
        )
    return found


def _at(answer: httpx2.Response, place: str) -> str:
    value = answer.json()
    for step in place.split("."):
        value = value[int(step) if step.isdigit() else step]
    return str(value)
