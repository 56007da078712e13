"""Describe the errors below the prefix of a context that has a shape of its own."""

from collections.abc import Mapping
from typing import Any, Final

from api_base.interface.errors.problem import MEDIA_TYPE
from api_base.interface.errors.shape import ProblemShape

type Json = dict[str, Any]

_RESPONSE: Final = "#/components/responses/"


def shape_errors(document: Json, shapes: Mapping[str, ProblemShape]) -> None:
    """Replace the problems in the responses of the operations below each prefix."""
    defined = document["components"]["responses"]
    for prefix, shape in shapes.items():
        for path in [path for path in document["paths"] if f"{path}/".startswith(f"{prefix}/")]:
            for operation in document["paths"][path].values():
                responses = operation["responses"]
                operation["responses"] = {status: _shaped(response, shape, defined) for status, response in responses.items()}


def _shaped(response: Json, shape: ProblemShape, defined: Json) -> Json:
    reference = response.get("$ref", "")
    whole = defined[reference.removeprefix(_RESPONSE)] if reference.startswith(_RESPONSE) else response
    if MEDIA_TYPE.decode() not in whole.get("content", {}):
        return response
    return {**whole, "content": {shape.media_type: {"schema": dict(shape.schema)}}}
