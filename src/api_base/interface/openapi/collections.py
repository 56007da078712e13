"""The requests of a collection for Postman or Bruno, from the OpenAPI document: one for each operation, and first steps that build on each other."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from api_base.interface.openapi.references import resolved

type Json = dict[str, Any]

METHODS: Final = ("get", "post", "put", "patch", "delete", "head", "options")
FIRST_STEPS: Final = "First steps"
EMAIL, PASSWORD, TOKEN, URL = "email", "password", "token", "baseUrl"
PASS_PHRASE: Final = "a long enough pass phrase"  # noqa: S105 -- the example of the document
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `path` has its values in braces; `query` and `headers` are (name, value, whether it must be sent).

    `body` is its media type and an example. `status` is that of success. `sets_email` and `keeps_token` are what first steps do before and after it.
    """

    name: str
    folder: str
    operation: str
    method: str
    path: str
    query: Sequence[tuple[str, str, bool]]
    headers: Sequence[tuple[str, str, bool]]
    body: tuple[str, Any] | None
    authenticated: bool
    status: int
    sets_email: bool = False
    keeps_token: bool = False
    checked: bool = field(default=False)
    """Whether a run compares the status: the requests of first steps."""


def variables(url: str) -> Mapping[str, str]:
    """Return the variables of a collection, with their first values. `url` is that of the server."""
    return {URL: url, EMAIL: "ana@example.com", PASSWORD: PASS_PHRASE, TOKEN: ""}


def text_of(example: Any) -> str:
    """Return the example of a body as it is sent."""
    return example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)


def calls(document: Json) -> list[Call]:
    """Return the requests of all operations, in the order of the document."""
    return [
        _call(document, method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def first_steps(found: Sequence[Call]) -> list[Call]:
    """Return register, log in, read the profile, and create and list the first resource that has both, as far as the API has them."""
    by_name = {one.operation: one for one in found}
    steps = [by_name[name] for name in ("register", "login", "get_profile") if name in by_name]
    created = next(
        (one for one in found if one.status == 201 and one.authenticated and "{" not in one.path and _lists(found, one.path) is not None),
        None,
    )
    if created is not None and (listed := _lists(found, created.path)) is not None:
        steps += [created, listed]
    return [
        replace(
            one,
            folder=FIRST_STEPS,
            body=one.body and (one.body[0], _of_variables(one.body[1])),
            sets_email=one.operation == "register",
            keeps_token=one.operation == "login",
            checked=True,
        )
        for one in steps
    ]


def _lists(found: Sequence[Call], path: str) -> Call | None:
    return next(
        (one for one in found if (one.method, one.path) == ("GET", path) and any(name == "limit" for name, _, _ in one.query)), None
    )


def _of_variables(example: Any) -> Any:
    """Return the example of a body with the variables of the collection in the place of the person of the document."""
    if not isinstance(example, Mapping):
        return example
    known = {"email": f"{{{{{EMAIL}}}}}", "password": f"{{{{{PASSWORD}}}}}"}
    return {name: known.get(name, value) for name, value in example.items()}


def _call(document: Json, method: str, path: str, operation: Json) -> Call:
    parameters = [resolved(document, one) for one in operation.get("parameters", ())]
    content = operation.get("requestBody", {}).get("content", {})
    media_type = _JSON if _JSON in content else next(iter(content), None)
    return Call(
        name=operation["summary"],
        folder=next(iter(operation.get("tags", ())), "other"),
        operation=operation["operationId"],
        method=method.upper(),
        path=path,
        query=list(_sent(parameters, "query")),
        headers=[*_sent(parameters, "header"), *([] if media_type is None else [("Content-Type", media_type, True)])],
        body=None if media_type is None else (media_type, content[media_type].get("example", {})),
        authenticated=bool(operation.get("security")),
        status=min(int(one) for one in operation["responses"]),
    )


def _sent(parameters: Sequence[Json], place: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the parameters of a place that are one text, with an example."""
    for one in parameters:
        schema = one.get("schema", {})
        if one["in"] == place and schema.get("type") not in ("object", "array"):
            required = one.get("required", False)
            example = "*" if one["name"] == "If-Match" else one.get("example", next(iter(schema.get("enum", ())), ""))
            yield one["name"], str(example), required
