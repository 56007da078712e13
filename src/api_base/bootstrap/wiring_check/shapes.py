"""Shapes of errors: each converts every kind of problem, for a prefix of its own, or one that contexts with the same shape share."""

from collections.abc import Iterator, Sequence

from api_base.bootstrap.context import Context
from api_base.core.errors import Fault
from api_base.interface.errors.handlers import INTERNAL, PROBLEMS
from api_base.interface.errors.problem import ProblemDocument, type_of
from api_base.interface.errors.shape import ProblemShape

_ERRORS = [{"pointer": "/body/name", "code": "missing", "message": "must not be missing"}]


def faults(contexts: Sequence[Context]) -> Iterator[Fault]:
    """Yield the faults of `Context.problem`."""
    for context in contexts:
        shape: object = context.problem
        if shape is None:
            continue
        if not isinstance(shape, ProblemShape):
            yield Fault(
                context.declared_at, f"problem of the context {context.name!r} is no ProblemShape. Write problem=ProblemShape(function)."
            )
            continue
        other = next(
            (one for one in contexts if one.problem is not shape and _served(one) and f"{one.prefix}/".startswith(f"{context.prefix}/")),
            None,
        )
        if other is not None:
            yield Fault(
                context.declared_at,
                f"problem of the context {context.name!r} would change the errors of {other.name!r}, which is below {context.prefix} too. "
                f"Give the context a prefix of its own, or {other.name!r} the same problem.",
            )
        yield from (Fault(context.declared_at, sentence) for sentence in _conversion(context.name, shape))


def _served(context: Context) -> bool:
    return context.routes is not None


def _conversion(name: str, shape: ProblemShape) -> Iterator[str]:
    """Convert one problem of each kind, until one fails."""
    for kind in (*PROBLEMS.values(), INTERNAL):
        problem = {
            "type": type_of(kind.name),
            "title": kind.title,
            "status": kind.status,
            "detail": kind.title,
            "instance": "/",
            "request_id": "id",
        }
        more = {"errors": _ERRORS} if kind.name == "validation" else {"violated-policies": ["default"]} if kind.status == 429 else {}
        try:
            shape.document(ProblemDocument({**problem, **more}))
        except Exception as error:
            yield (
                f"problem of the context {name!r} does not convert a problem of the kind {kind.name!r}. "
                f"{type(error).__name__}: {str(error).rstrip('.')}."
            )
            return
