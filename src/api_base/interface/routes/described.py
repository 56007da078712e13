"""The function of a route as FastAPI's document describes it: a form is one body, because FastAPI wants a library of its own for the fields of a form."""

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any

from fastapi import Body
from pydantic import BaseModel, WithJsonSchema, create_model

from api_base.interface.routes import body as bodies
from api_base.interface.routes import multipart
from api_base.interface.routes.form import FormField
from api_base.interface.routes.signature import Signature
from api_base.interface.routes.single_values import member_of

_Binary = Annotated[bytes, WithJsonSchema({"type": "string", "format": "binary"})]


def described(signature: Signature) -> Callable[..., Any]:
    """Return the function of a route, or one of the same name and annotations that takes the form as one body."""
    endpoint = signature.endpoint
    if not signature.form:
        return endpoint
    parameters = inspect.signature(endpoint, eval_str=True).parameters
    fields: dict[str, Any] = {one.value.name: _field(one, parameters[one.value.slot]) for one in signature.form}
    model: type[BaseModel] = create_model(f"{endpoint.__name__.title().replace('_', '')}Form", **fields)
    media_type = multipart.MEDIA_TYPE if any(one.file for one in signature.form) else bodies.FORM[0]
    body = inspect.Parameter("form", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[model, Body(media_type=media_type)])

    @wraps(endpoint)
    def of_document(*arguments: Any, **named: Any) -> Awaitable[Any]:
        return endpoint(*arguments, **named)  # type: ignore[no-any-return]  # never called: `Operation` serves the route

    slots = {one.value.slot for one in signature.form}
    kept = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, one in parameters.items() if name not in slots]
    setattr(of_document, "__signature__", inspect.Signature([*kept, body]))  # noqa: B010 -- mypy knows no such attribute of a function
    return of_document


def _field(one: FormField, parameter: inspect.Parameter) -> tuple[Any, Any]:
    hint = parameter.annotation
    if one.file:
        described = list[_Binary] if member_of(hint) is not None else _Binary
        marks = getattr(hint, "__metadata__", ())
        hint = Annotated[(described, *marks)] if marks else described
        return hint, ... if one.value.default is None else None
    return hint, ... if parameter.default is parameter.empty else parameter.default
