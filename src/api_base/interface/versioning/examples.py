"""The examples of a route as a client of an older version sends them."""

import inspect
import re
from collections.abc import Mapping
from typing import Any, Final, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel

from api_base.application.common.listing import OffsetPage, Page
from api_base.interface.routes.router import RouteDefinition
from api_base.interface.versioning.shapes import Shapes

_WORD: Final = re.compile(r"\w+")


def older_example(route: RouteDefinition, shapes: Shapes) -> Mapping[str, Any]:
    """Return the example with the older members in its body, and its query without the parameters that changed."""
    example = dict(route.options.example)
    hints = get_type_hints(inspect.unwrap(route.endpoint), include_extras=True)
    body = next((hint for hint in hints.values() if isinstance(hint, type) and issubclass(hint, BaseModel)), None)
    if "body" in example and body is not None:
        example["body"] = shapes.example(example["body"], (body,))
    result = hints.get("return")
    if "query" in example and get_origin(result) in (Page, OffsetPage):
        changed = {name for change in shapes.changes_of(get_args(result)[0]) for name in change.newer if name not in change.older}
        pairs = parse_qsl(example["query"], keep_blank_values=True)
        example["query"] = urlencode(
            [(name, value) for name, value in pairs if not changed & {*_WORD.findall(name), *_WORD.findall(value)}]
        )
    return example
