"""What is wrong with a parameter that a Router does not pass, and what to write instead."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from fastapi import BackgroundTasks, Response, WebSocket, params
from fastapi.security import SecurityScopes
from pydantic import BaseModel

from api_base.interface.routes.single_values import member_of, optional, plain_type
from api_base.interface.routes.values import PLACES

_PLAIN: Final = "or use fastapi.APIRouter for this route"
_INSTEAD: Final[Mapping[type[Any], str]] = {
    Response: f"Return a DTO, or a ProtocolAnswer with its headers, {_PLAIN}",
    BackgroundTasks: f"Enqueue a job (docs/jobs.md), {_PLAIN}",
    SecurityScopes: f"Declare the permission of the message, {_PLAIN}",
    WebSocket: "Declare the route with `websocket` of the Router",
}
TAKEN: Final = {
    "authorization": "RouteOptions(auth=…), and read the principal of the context",
    "cookie": "Annotated[…, Cookie()]",
    "idempotency-key": "nothing: a POST or PATCH of an authenticated caller handles it",
    "if-match": "ExpectedVersion or OptionalVersion",
}
"""Headers that something else reads, and what to declare for each."""


def unsupported(hint: Any, mark: Any, template: str, *, of_route: bool) -> str:
    """Complete the sentence about a parameter of this type and annotation. `of_route`: it is one of the function of the route."""
    kind = plain_type(optional(hint))
    for cls, instead in _INSTEAD.items():
        if isinstance(kind, type) and issubclass(kind, cls):
            return f"is the {cls.__name__} of FastAPI, which a Router does not pass. {instead}"
    if isinstance(mark, params.Path):
        return f"is no value of the path {template}. Name it there, or remove Path"
    if isinstance(mark, params.Body) and not isinstance(mark, params.Form):
        return f"is declared by Body. Take one pydantic model without it, {_PLAIN}"
    if mark is not None:
        several = "" if isinstance(mark, params.Header | params.Cookie) else ", or a list of such values"
        return f"is not one value of the {PLACES.get(type(mark), 'request')}{several}. Declare each member as a parameter, {_PLAIN}"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return (
            f"is a body that may be missing. Take {kind.__name__} itself" if of_route else "is a body. Take it in the function of the route"
        )
    if member_of(hint) is not None:
        return f"is a list. Write Annotated[…, Query()] for a value of the query that may be repeated, {_PLAIN}"
    return f"is neither a value of the path {template}, a value of the query, a body nor a resolver. Declare one of these, {_PLAIN}"


def named(call: Any) -> str:
    """Return the name of a function, of a class, or of the class of another callable."""
    while isinstance(call, partial):
        call = call.func
    return getattr(call, "__name__", None) or type(call).__name__
