"""`Result`: an expected outcome, a value or a refusal.

A command returns `Err` for a refusal whose state change must be kept (a failed login counts); a raise always rolls back.
Batch operations return one `Result` per element.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ok[T]:
    """Success with `value`."""

    value: T


@dataclass(frozen=True, slots=True)
class Err[E]:
    """A refusal that is committed; `error` is a domain error."""

    error: E


type Result[T, E] = Ok[T] | Err[E]


def unwrap[T, E: Exception](result: Result[T, E]) -> T:
    """Return the value. Raises the error of a refusal, whose state change is already committed."""
    if isinstance(result, Err):
        raise result.error
    return result.value
