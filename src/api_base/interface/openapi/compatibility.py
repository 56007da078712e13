"""The changes between two OpenAPI documents, each breaking for some client of the first one, or compatible with all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api_base.interface.openapi.query_operations import QUERY
from api_base.interface.openapi.references import resolved
from api_base.interface.openapi.schema_loss import Losses
from api_base.interface.openapi.schema_names import PREFIX

type Json = Mapping[str, Any]

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query", QUERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`kind` is for programs, such as `parameter-removed`; `operation` is method and path."""

    breaking: bool
    kind: str
    operation: str
    text: str

    def __str__(self) -> str:
        return f"{'breaking  ' if self.breaking else 'compatible'}  {self.operation}: {self.text} [{self.kind}]"


def changes(before: Json, now: Json) -> list[Change]:
    """Return the changes of `now` against `before`, the breaking ones first, each by operation."""
    found = list(_changes(before, now))
    return sorted(found, key=lambda one: (not one.breaking, one.operation, one.kind, one.text))


def _changes(before: Json, now: Json) -> Iterator[Change]:
    old, new = _operations(before), _operations(now)
    for name in old.keys() - new.keys():
        yield Change(breaking=True, kind="operation-removed", operation=name, text="the operation was removed")
    for name in new.keys() - old.keys():
        yield Change(breaking=False, kind="operation-added", operation=name, text="the operation is new")
    for name in old.keys() & new.keys():
        yield from _Comparison(name, before, now).of(old[name], new[name])


def _operations(document: Json) -> dict[str, Json]:
    return {
        f"{method.removeprefix('x-').upper()} {path}": {**item[method], "parameters": [*item.get("parameters", ()), *item[method].get("parameters", ())]}
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }  # fmt: skip


class _Comparison:
    """Compares one operation of two documents."""

    def __init__(self, operation: str, before: Json, now: Json) -> None:
        self._operation, self._before, self._now = operation, before, now
        self._old_schemas, self._new_schemas = (one.get("components", {}).get("schemas", {}) for one in (before, now))

    def of(self, old: Json, new: Json) -> Iterator[Change]:
        """Yield the changes."""
        if old.get("operationId") != new.get("operationId"):
            yield self._breaks("operation-renamed", f"the operationId {old.get('operationId')} became {new.get('operationId')}")
        if new.get("deprecated") and not old.get("deprecated"):
            yield self._keeps("deprecated", "the operation is deprecated")
        yield from self._security(old, new)
        yield from self._parameters(old, new)
        yield from self._body(old, new)
        yield from self._responses(old, new)

    def _breaks(self, kind: str, text: str) -> Change:
        return Change(breaking=True, kind=kind, operation=self._operation, text=text)

    def _keeps(self, kind: str, text: str) -> Change:
        return Change(breaking=False, kind=kind, operation=self._operation, text=text)

    def _security(self, old: Json, new: Json) -> Iterator[Change]:
        before, after = (_requirements(document, one) for document, one in ((self._before, old), (self._now, new)))
        for lost in [one for one in before if one not in after and not any(other <= one for other in after)]:
            yield self._breaks("security-removed", f"{' with '.join(sorted(lost)) or 'no credentials'} no longer suffice")

    def _parameters(self, old: Json, new: Json) -> Iterator[Change]:
        before = {(one["in"], _name(one)): one for one in (resolved(self._before, one) for one in old["parameters"])}
        after = {(one["in"], _name(one)): one for one in (resolved(self._now, one) for one in new["parameters"])}
        for key in before.keys() - after.keys():
            yield self._breaks("parameter-removed", f"the {_shown(key)} was removed")
        for key in after.keys() - before.keys():
            if after[key].get("required"):
                yield self._breaks("parameter-required", f"the {_shown(key)} is new, and required")
            else:
                yield self._keeps("parameter-added", f"the {_shown(key)} is new")
        for key in before.keys() & after.keys():
            if after[key].get("required") and not before[key].get("required"):
                yield self._breaks("parameter-required", f"the {_shown(key)} became required")
            yield from self._request(before[key].get("schema", {}), after[key].get("schema", {}), f"the {_shown(key)}", "parameter")

    def _body(self, old: Json, new: Json) -> Iterator[Change]:
        before, after = (resolved(document, one.get("requestBody", {})) for one, document in ((old, self._before), (new, self._now)))
        if after.get("required") and not before.get("required"):
            yield self._breaks("body-required", "the request needs a body")
        if before and not after:
            yield self._breaks("body-removed", "the request takes no body")
            return
        for media_type, one in before.get("content", {}).items():
            other = after.get("content", {}).get(media_type)
            if other is None:
                yield self._breaks("body-type-removed", f"the request no longer takes {media_type}")
            else:
                yield from self._request(one.get("schema", {}), other.get("schema", {}), "the request", "body")

    def _responses(self, old: Json, new: Json) -> Iterator[Change]:
        before, after = (
            {status: one for status, one in each.get("responses", {}).items() if status.startswith(("2", "3"))} for each in (old, new)
        )
        for status in before.keys() - after.keys():
            yield self._breaks("response-removed", f"the status {status} is no longer sent")
        for status in after.keys() - before.keys():
            yield self._breaks("response-added", f"the status {status} is new")
        for status in before.keys() & after.keys():
            one, other = resolved(self._before, before[status]), resolved(self._now, after[status])
            for header in one.get("headers", {}).keys() - other.get("headers", {}).keys():
                yield self._breaks("response-header-removed", f"the response {status} has no header {header}")
            yield from self._contents(status, one.get("content", {}), other.get("content", {}))

    def _contents(self, status: str, before: Json, after: Json) -> Iterator[Change]:
        for media_type, one in before.items():
            if media_type not in after:
                yield self._breaks("response-type-removed", f"the response {status} is no longer {media_type}")
                continue
            old, new = one.get("schema", {}), after[media_type].get("schema", {})
            losses = list(dict.fromkeys(Losses(self._new_schemas, self._old_schemas).between(new, old)))
            for kind, at, what in losses:
                yield self._breaks(f"response-{kind}", f"{at or 'the response'} of the response {status} may be {what}")
            removed, added = set(_names(old, self._old_schemas)), set(_names(new, self._new_schemas))
            required = {at for kind, at, _ in losses if kind == "required"}
            for at in sorted(removed - added - required):
                yield self._breaks("response-member-removed", f"{at} of the response {status} was removed")
            for at in sorted(added - removed):
                yield self._keeps("response-member-added", f"{at} of the response {status} is new")

    def _request(self, old: Any, new: Any, what: str, kind: str) -> Iterator[Change]:
        for reason, at, refused in dict.fromkeys(Losses(self._old_schemas, self._new_schemas).between(old, new)):
            yield self._breaks(f"{kind}-{reason}", f"{what}{f' at {at}' if at else ''} must not be {refused}")


def _requirements(document: Json, operation: Json) -> Sequence[frozenset[str]]:
    """Return the combinations of schemes of which one suffices; none is needed if there is no combination."""
    return [frozenset(one) for one in operation.get("security", document.get("security", []))] or [frozenset()]


def _name(parameter: Json) -> str:
    name: str = parameter["name"]
    return name.lower() if parameter["in"] == "header" else name


def _shown(key: tuple[str, str]) -> str:
    return f"{key[0]} parameter {key[1]}"


def _names(schema: Any, schemas: Json, at: str = "", seen: tuple[int, ...] = ()) -> Iterator[str]:
    """Yield the pointer of each member that a value may have."""
    if isinstance(schema, Mapping) and "$ref" in schema:
        schema = schemas[schema["$ref"].removeprefix(PREFIX)]
    if not isinstance(schema, Mapping) or id(schema) in seen:
        return
    seen = (*seen, id(schema))
    for word in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(word, ()):
            yield from _names(one, schemas, at, seen)
    for name, one in schema.get("properties", {}).items():
        yield f"{at}/{name}"
        yield from _names(one, schemas, f"{at}/{name}", seen)
    if "items" in schema:
        yield from _names(schema["items"], schemas, f"{at}/*", seen)
