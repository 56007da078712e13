"""The writes of a client and their expected responses. A client writes to its own items only, one write after the other."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from chaos.http import Answer, Request
from chaos.journal import Item, Journal

CREATED: Final = "items.created.v1"
CHANGED: Final = "items.changed.v1"
STATUS: Final = "items.status_changed.v1"
DELETED: Final = "items.deleted.v1"
ITEMS: Final = "/api/v1/items"
PRICE: Final = {"amount": "12.50", "currency": "EUR"}
FEWEST: Final = 5
"""Number of items that a client keeps for further writes."""
MAX_IN_BATCH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """`kind` names the write in the report. `acknowledge` checks a successful response and records it in the journal.

    `done_already` is the problem of a repeated request without a key whose earlier attempt was executed.
    """

    kind: str
    request: Request
    acknowledge: Callable[[Answer], None]
    done_already: frozenset[str] = frozenset()
    found: Callable[[Item], None] | None = field(default=None)
    """Accept the item as read after the response `done_already`; None if it can no longer be read."""


class Writes:
    """Generates one write after the other."""

    def __init__(self, journal: Journal, chance: random.Random) -> None:
        self._journal, self._chance = journal, chance
        self._live: list[UUID] = []
        self._number = 0

    def next(self) -> Write:
        kinds = {"create": 30, "patch": 28, "patch without key": 9, "publish": 9, "delete": 9, "batch": 15}
        few = len(self._live) < FEWEST
        kind = "create" if few else self._chance.choices(list(kinds), list(kinds.values()))[0]
        item = None if few else self._journal.items[self._chance.choice(self._live)]
        if kind == "publish" and item is not None and item["status"] != "draft":
            kind = "patch"
        return self._make(kind, item)

    def _make(self, kind: str, item: Item | None) -> Write:
        if kind == "batch":
            return self._batch()
        if kind == "create" or item is None:
            return self._create()
        if kind == "delete":
            return self._delete(item)
        if kind == "publish":
            return self._publish(item)
        return self._patch(item, keyed=kind == "patch")

    def _create(self) -> Write:
        wanted = self._new()
        request = Request(method="POST", path=ITEMS, body=wanted, key=self._key())
        return Write(
            kind="create", request=request, acknowledge=lambda answer: self._is(answer, 201, answer.body, wanted, CREATED, request)
        )

    def _patch(self, item: Item, *, keyed: bool) -> Write:
        changes = self._changes()
        path = f"{ITEMS}/{item['id']}"
        request = Request(method="PATCH", path=path, body=changes, key=self._key() if keyed else None, expected=item["version"])
        wanted = self._after(item, changes)
        return Write(
            kind="patch" if keyed else "patch without key",
            request=request,
            acknowledge=lambda answer: self._is(answer, 200, answer.body, wanted, CHANGED, request),
            done_already=frozenset() if keyed else frozenset({"stale-version"}),
            found=None if keyed else lambda found: self._shows(found, wanted, CHANGED, request),
        )

    def _publish(self, item: Item) -> Write:
        request = Request(method="POST", path=f"{ITEMS}/{item['id']}/publish", key=self._key(), expected=item["version"])
        wanted = self._after(item, {"status": "published"})
        return Write(
            kind="publish", request=request, acknowledge=lambda answer: self._is(answer, 200, answer.body, wanted, STATUS, request)
        )

    def _delete(self, item: Item) -> Write:
        request = Request(method="DELETE", path=f"{ITEMS}/{item['id']}", expected=item["version"])

        def acknowledge(answer: Answer) -> None:
            if answer.status not in (204, 404, 409, 412):
                self._journal.violates("wrong answer", f"a deletion of {item['id']} was answered {answer.status} {answer.body}")
            self._deleted(item, request)

        return Write(
            kind="delete", request=request, acknowledge=acknowledge, done_already=frozenset({"stale-version", "not-found", "conflict"})
        )

    def _batch(self) -> Write:
        """A batch of creations, changes and deletions of different items; an independent batch also contains a refused operation."""
        mode = self._chance.choice(["atomic", "independent"])
        operations: list[dict[str, Any]] = []
        takes: list[Callable[[Mapping[str, Any]], None]] = []
        count = self._chance.randint(2, MAX_IN_BATCH)
        request = Request(method="POST", path=f"{ITEMS}/batch", body={"mode": mode, "operations": operations}, key=self._key())
        for id in self._chance.sample(self._live, min(count // 2, len(self._live))):
            operation, take = self._operation(self._journal.items[id], request)
            operations.append(operation)
            takes.append(take)
        if mode == "independent" and self._live:
            stale = self._journal.items[self._chance.choice(self._live)]
            operations.append({"action": "update", "id": stale["id"], "expected_version": 1_000_000, "changes": {"name": "never"}})
            takes.append(lambda result: self._refused(result, request))
        while len(operations) < count:
            wanted = self._new()
            operations.append({"action": "create", "item": wanted})
            takes.append(lambda result, wanted=wanted: self._result(result, 201, wanted, CREATED, request))  # type: ignore[misc]

        def acknowledge(answer: Answer) -> None:
            for take, result in zip(takes, answer.body["results"], strict=True):
                take(result)

        return Write(kind="batch", request=request, acknowledge=acknowledge)

    def _operation(self, item: Item, request: Request) -> tuple[dict[str, Any], Callable[[Mapping[str, Any]], None]]:
        about = {"id": item["id"], "expected_version": item["version"]}
        if self._chance.random() < 0.2:
            return {"action": "delete", **about}, lambda result: self._result_of_delete(result, item, request)
        changes = self._changes()
        wanted = self._after(item, changes)
        return {"action": "update", "changes": changes, **about}, lambda result: self._result(result, 200, wanted, CHANGED, request)

    def _new(self) -> dict[str, Any]:
        self._number += 1
        return {"sku": f"C-{uuid4().hex}", "name": f"Chair {self._number}", "category": "furniture", "price": PRICE}

    def _changes(self) -> dict[str, Any]:
        self._number += 1
        return {"name": f"Chair {self._number}", "attributes": {"number": self._number}}

    def _key(self) -> str:
        return uuid4().hex

    def _after(self, item: Item, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The expected item after a change: the previous one with the changes and another time."""
        same = {name: value for name, value in item.items() if name != "updated_at"}
        return {**same, **changes, "version": item["version"] + 1}

    def _is(self, answer: Answer, status: int, item: Item, wanted: Mapping[str, Any], event: str, request: Request) -> None:
        if answer.status != status:
            self._journal.violates("wrong answer", f"{request.method} {request.path} was answered {answer.status}, not {status}")
        self._shows(item, wanted, event, request)

    def _result(self, result: Mapping[str, Any], status: int, wanted: Mapping[str, Any], event: str, request: Request) -> None:
        if result["status"] != status:
            self._journal.violates("wrong answer", f"an operation of {request.key} was answered {result}, not {status}")
        else:
            self._shows(result["item"], wanted, event, request)

    def _result_of_delete(self, result: Mapping[str, Any], item: Item, request: Request) -> None:
        if result["status"] != 204:
            self._journal.violates("wrong answer", f"an operation of {request.key} was answered {result}, not 204")
        self._deleted(item, request)

    def _refused(self, result: Mapping[str, Any], request: Request) -> None:
        if result["status"] != 412:
            self._journal.violates("wrong answer", f"a stale operation of {request.key} was answered {result}, not 412")

    def _shows(self, item: Item, wanted: Mapping[str, Any], event: str, request: Request) -> None:
        """Record the response, and check that it matches the request."""
        if differing := {name: (item.get(name), value) for name, value in wanted.items() if item.get(name) != value}:
            self._journal.violates("wrong answer", f"{request.method} {request.path} key={request.key}: {differing} (answered, asked for)")
        id = UUID(item["id"])
        if id not in self._journal.items:
            self._live.append(id)
        self._journal.changed(item, event, f"{request.method} {request.path} key={request.key}")

    def _deleted(self, item: Item, request: Request) -> None:
        self._live.remove(UUID(item["id"]))
        gone = {**item, "version": item["version"] + 1, "deleted_at": True, "updated_at": None}
        self._journal.changed(gone, DELETED, f"{request.method} {request.path} If-Match={request.expected}")
