"""The examples of a route as a client of an older version sends them."""

import inspect
import re
from collections.abc import Mapping
from typing import Any, Final, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json, to_jsonable_python

from api_base.application.common.listing import OffsetPage, Page
from api_base.core.errors import ProgrammingError
from api_base.interface.errors.handlers import invalid_of
from api_base.interface.routes.renaming import Wire, client_type
from api_base.interface.routes.router import RouteDefinition
from api_base.interface.versioning.changes import Change, Renamed
from api_base.interface.versioning.lists import listed_changes
from api_base.interface.versioning.shapes import Shapes

_WORD: Final = re.compile(r"\w+")


def older_example(route: RouteDefinition, shapes: Shapes) -> Mapping[str, Any]:
    """Return the example with the older members in its body, and its query without the parameters that changed.

    Raises `ProgrammingError` for an example that the route refuses, and for one that a change cannot show.
    """
    example = dict(route.options.example)
    hints = get_type_hints(inspect.unwrap(route.endpoint), include_extras=True)
    result = hints.pop("return", None)
    body = next((hint for hint in hints.values() if shapes.of(hint) is not hint), None)
    wire = route.wire or str
    if "body" in example and body is not None:
        try:
            made: Any = TypeAdapter(client_type(body, wire)).validate_json(to_json(example["body"]))
        except ValidationError as error:
            raise ProgrammingError(f"{route.method} {route.path} refuses the body of its own example: {invalid_of(error)}") from None
        example["body"] = _older(example["body"], made, shapes, wire)
    if "query" in example and get_origin(result) in (Page, OffsetPage):
        changes = [one.change for one in listed_changes(get_args(result)[0], shapes.changes_of)]
        changed = {wire(name) for change in changes for name in change.newer if name not in change.older}
        pairs = parse_qsl(example["query"], keep_blank_values=True)
        example["query"] = urlencode(
            [(name, value) for name, value in pairs if not changed & {*_WORD.findall(name), *_WORD.findall(value)}]
        )
    return example


def _older(sent: Any, made: Any, shapes: Shapes, wire: Wire) -> Any:
    """Return JSON in the older shape. `made` is what the newest body makes of it."""
    if isinstance(made, list | tuple) and len(made) == len(sent):
        return [_older(*pair, shapes, wire) for pair in zip(sent, made, strict=True)]
    if isinstance(made, Mapping) and len(made) == len(sent):
        return {name: _older(*pair, shapes, wire) for name, pair in zip(sent, zip(sent.values(), made.values(), strict=True), strict=True)}
    if not (isinstance(made, BaseModel) and isinstance(sent, Mapping)):
        return sent
    changes = next((found for cls in type(made).__mro__ if (found := shapes.changes_of(cls))), ())
    names = {name: one.alias or name for name, one in type(made).model_fields.items()}
    members = {name: (sent[names[name]], getattr(made, name)) for name in names if names[name] in sent}
    for change in changes:
        if all(name in members for name in change.newer):
            members = _before(change, members)
    others = {name: value for name, value in sent.items() if name not in names.values()}
    return {names.get(name) or wire(name): _older(*pair, shapes, wire) for name, pair in members.items()} | others


def _before(change: Change, members: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Return the members of an object before a change, each as JSON and as its value."""
    newer = {name: members[name] for name in change.newer}
    kept = {name: pair for name, pair in members.items() if name not in newer}
    if isinstance(change, Renamed):
        return {**kept, change.was: newer[change.now]}
    try:
        shown = change.shown({name: value for name, (_, value) in newer.items()})
    except Exception as error:
        raise ProgrammingError(
            f"The change of {' and '.join(change.newer)} in version {change.version.number} cannot show the example "
            f"{ {name: sent for name, (sent, _) in newer.items()} }: {type(error).__name__}: {error}. It is called with what a body has, too."
        ) from error
    return {**kept, **{name: (to_jsonable_python(value), value) for name, value in shown.items()}}
