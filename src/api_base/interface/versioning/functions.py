"""What the functions of a change can be called with."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any


def takes(function: Callable[..., Any], *values: Any, **named: Any) -> bool:
    """Return whether a function can be called so. What does not say what it takes can be called."""
    try:
        signature(function).bind(*values, **named)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def positional(function: Callable[..., Any]) -> Sequence[str]:
    """Return the names of what a function takes by position or name, in their order; none if it does not say so."""
    try:
        parameters = signature(function).parameters.values()
    except ValueError:
        return []
    return [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
