"""`Result`: an outcome that is an answer, not an accident.

A command returns `Err` for a refusal whose state change must be kept (a failed login counts); a raise always rolls back.
Batch operations return one `Result` per element.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ok[T]:
    """It was done; `value` is the answer."""

    value: T


@dataclass(frozen=True, slots=True)
class Err[E]:
    """It was refused, on purpose and to be kept; `error` is the business's own."""

    error: E


type Result[T, E] = Ok[T] | Err[E]
