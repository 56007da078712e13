"""DTOs of ready handlers: each field of a `dto_of` is an attribute of the aggregate."""

from collections.abc import Iterator

from api_base.application.common.dto import DtoOf
from api_base.bootstrap.declarations import Declarations
from api_base.core.errors import Fault


def faults(declarations: Declarations) -> Iterator[Fault]:
    """Yield what does not fit, once for each DTO and aggregate."""
    seen = set[tuple[int, object]]()
    for registration in declarations.sound_registrations:
        made: object = getattr(registration.handler, "dto", None)
        aggregate: object = getattr(registration.handler, "aggregate", None)
        if isinstance(made, DtoOf) and isinstance(aggregate, type) and (id(made), aggregate) not in seen:
            seen.add((id(made), aggregate))
            yield from (Fault(made.declared_at, sentence) for sentence in made.faults(aggregate))
