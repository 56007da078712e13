"""The one error tree. A class says what happened in the business's language and carries the data;
`interface/errors/handlers.py` alone decides status and title, by type.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class ApiBaseError(Exception):
    """Root of every error that API Base or a context raises on purpose. `str(error)` is fit to be shown to the caller."""


class ConfigurationError(ApiBaseError):
    """The settings, or what was wired from them, cannot work. Names the variable and what to do."""


class ProgrammingError(ApiBaseError):
    """The code broke a rule of the base (no handler for a message, a unit of work inside another). Never the caller's fault."""


class NoTransaction(ProgrammingError):
    """A repository was asked to write outside a unit of work."""


class Transient(ApiBaseError):
    """Trying the same again may succeed: serialization failure, deadlock, connection lost before the commit was sent."""


class Unavailable(ApiBaseError):
    """A service behind us does not answer. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EventRefused(ApiBaseError):
    """An event that can never be published or handled. It stops its own aggregate, and nothing else."""

    def __init__(self, event_id: object, reason: str) -> None:
        super().__init__(f"The event {event_id} cannot be handed on: {reason}")
        self.event_id = event_id


class AlreadyHandled(ApiBaseError):
    """A subscriber has handled this event before: what it did stands, and nothing was done again."""

    def __init__(self, subscription: str, event_id: object) -> None:
        super().__init__(f"{subscription} has handled the event {event_id} already.")


class MailRefused(ApiBaseError):
    """A mail that will never be taken as it is: no such mailbox, say."""


class JobLost(ApiBaseError):
    """The job in hand is not this worker's any more: it was cancelled, or is carried out elsewhere by now. What was done is undone."""

    def __init__(self, job_id: object) -> None:
        super().__init__(f"The job {job_id} was cancelled, or is carried out by another worker by now.")


class Unauthenticated(ApiBaseError):
    """Nobody in particular asks, or with a token that is not good (any more)."""


class Forbidden(ApiBaseError):
    """The principal may not do this here."""


class NotFound(ApiBaseError):
    """No such thing for this caller; one that belongs to another tenant is answered exactly so."""

    def __init__(self, what: str, identity: object) -> None:
        super().__init__(f"No {what} with id {identity} exists here.")
        self.what = what


class Conflict(ApiBaseError):
    """The state of the thing does not allow what was asked. Contexts subclass it for their rules."""


class StaleVersion(Conflict):
    """Somebody else changed the thing since the caller read it: the guard on `version` matched no row."""

    def __init__(self, what: str, expected: int) -> None:
        super().__init__(f"The {what} is no longer at version {expected}. Read it again and repeat the change.")
        self.expected = expected


class RequestInProgress(Conflict):
    """A request with the same idempotency key is being carried out at this moment. `retry_after` is in seconds."""

    def __init__(self, *, retry_after: float = 0.5) -> None:
        super().__init__("A request with this Idempotency-Key is being carried out. Send the same again in a moment to have its answer.")
        self.retry_after = retry_after


class RuleViolated(ApiBaseError):
    """A business rule says no to a well-formed request. Contexts subclass it for their rules."""


class IdempotencyKeyReused(RuleViolated):
    """Another request came with the same idempotency key before."""

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key belongs to another request: another path, query, If-Match, Content-Type or body. Send a new key with a new request."
        )


class TooManyRequests(ApiBaseError):
    """A limit was reached. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with the input: where (JSON Pointer, RFC 6901), which rule, and what to do about it."""

    pointer: str
    code: str
    message: str


class Invalid(ApiBaseError):
    """The input is well-formed and not acceptable. Every violation is reported at once."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{v.pointer or '/'}: {v.message}" for v in violations))
        self.violations = tuple(violations)

    def under(self, pointer: str) -> "Invalid":
        """The same about a value that stands at `pointer` in what was sent."""
        return Invalid([Violation(pointer + v.pointer, v.code, v.message) for v in self.violations])

    @classmethod
    def of(cls, pointer: str, code: str, message: str) -> "Invalid":
        """With one violation: `pointer` is a JSON Pointer [RFC 6901] into the input, `code` is for programs, `message` for people."""
        return cls([Violation(pointer, code, message)])
