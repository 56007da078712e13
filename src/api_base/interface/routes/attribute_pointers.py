"""Errors of a field that is called like a part of the request, such as `body`.

The domain names a field by a pointer into its input: `/title`. An error of the request has one into the request: `/body/title`. Only for the fields
of these names are both the same text.
"""

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

from pydantic import BaseModel

from api_base.core.errors import Invalid, Violation
from api_base.interface.errors.handlers import PARTS


def pointing_into_body(endpoint: Callable[..., Any], body: type[BaseModel]) -> Callable[..., Any]:
    """Return `endpoint`, whose body is a `body`, so that what it refuses of a field with the name of a part is located in the body."""
    fields = frozenset(body.model_fields)
    if not fields & PARTS:
        return endpoint

    @wraps(endpoint)
    async def located(*given: Any, **named: Any) -> Any:
        try:
            return await endpoint(*given, **named)
        except Invalid as error:
            raise Invalid([Violation(_located(one.pointer, fields), one.code, one.message) for one in error.violations]) from None

    return located


def _located(pointer: str, fields: Collection[str]) -> str:
    first, _, rest = pointer.removeprefix("/").partition("/")
    if first not in PARTS or first not in fields or (first == "body" and rest.partition("/")[0] in fields):
        return pointer
    return f"/body{pointer}"
