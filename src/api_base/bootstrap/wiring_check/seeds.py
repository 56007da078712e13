"""Seeds: each is an async function that takes a `Seeds`."""

from collections.abc import Iterable, Iterator, Sequence
from inspect import Parameter, iscoroutinefunction, signature
from typing import Final

from api_base.bootstrap.context import Context
from api_base.core.errors import Fault
from api_base.core.shared.places import place_of

_WRITE: Final = "Write async def seed(seeds: Seeds) -> None."


def faults(contexts: Sequence[Context]) -> Iterator[Fault]:
    """Yield the faults of `Context.seed`."""
    for context in contexts:
        seed: object = context.seed
        if seed is None:
            continue
        if not callable(seed):
            yield Fault(
                context.declared_at, f"seed of the context {context.name!r} is {type(seed).__name__}, which is no function. {_WRITE}"
            )
        elif not iscoroutinefunction(seed):
            yield Fault(place_of(seed), f"The seed of the context {context.name!r} is not a coroutine function. {_WRITE}")
        elif len(wanted := _required(signature(seed).parameters.values())) != 1:
            shown = ", ".join(wanted) or "nothing"
            yield Fault(place_of(seed), f"The seed of the context {context.name!r} takes {shown}, but is given a Seeds. {_WRITE}")


def _required(parameters: Iterable[Parameter]) -> list[str]:
    positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in parameters if one.default is Parameter.empty and one.kind in positional]
