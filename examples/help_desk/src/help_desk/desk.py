"""What the contexts of the desk share: their path, and the shape of their errors."""

from dataclasses import replace

from api_base import Context, ProblemShape

SHAPE = ProblemShape(
    lambda problem: {"error": {"code": problem["status"], "message": problem["detail"]}},
    schema={
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
            }
        },
    },
)


def of_desk(context: Context) -> Context:
    return replace(context, prefix="/desk/v1", problem=SHAPE)
