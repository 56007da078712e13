"""The one error tree. A class names what happened in terms of the domain and carries the data.

`interface/errors/handlers.py` maps each type to an HTTP status and a title.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID


class ApiBaseError(Exception):
    """Root of every error that API Base or a context raises deliberately."""

    @property
    def public_message(self) -> str:
        """The message that may be shown to the caller."""
        return str(self)


class ConfigurationError(ApiBaseError):
    """The settings, or the parts wired from them, cannot work. The message names the variable and what to do."""


class Fault(NamedTuple):
    """Something that cannot work, found at start: the `place` that declares it (`file:line`), and a sentence that says what to write instead."""

    place: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}"


class WiringError(ConfigurationError):
    """What the contexts declare cannot work. `faults` are all that was found."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        number = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__("\n".join([f"The wiring of the application has {number}:", *(f"  {fault}" for fault in faults)]))


class ProgrammingError(ApiBaseError):
    """The code breaks a rule of the base (no handler for a message, a unit of work inside another). Never the caller's fault."""


class NoTransaction(ProgrammingError):
    """A repository was called to write outside a unit of work."""


class Transient(ApiBaseError):
    """A retry may succeed: serialization failure, deadlock, connection lost before the commit was sent.

    `rows` are those that the attempt had changed or was about to change. A retry that locks them first, in order, meets no deadlock on them.
    """

    rows: Sequence[object] = ()


class Unavailable(ApiBaseError):
    """A backing service does not answer. `retry_after` is in seconds.

    `message` may be shown to the caller. `reason` is for operators: it may name hosts and ports, and quote a driver.
    """

    reason = ""

    def __init__(self, message: str, *, reason: object = "", retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        if reason != "":
            self.reason = str(reason) or type(reason).__name__

    @property
    def public_message(self) -> str:
        """The message without the reason."""
        return str(self.args[0])

    def __str__(self) -> str:
        """The message with the reason, for logs."""
        return f"{self.public_message} ({self.reason})" if self.reason else self.public_message


class EventRefused(ApiBaseError):
    """An event that can never be published or handled. It blocks its own aggregate only."""

    def __init__(self, event_id: object, reason: str) -> None:
        super().__init__(f"The event {event_id} cannot be delivered: {reason}")
        self.event_id = event_id


class AlreadyHandled(ApiBaseError):
    """The subscriber has already handled this event. Its effect is committed, and nothing was repeated."""

    def __init__(self, subscription: str, event_id: object) -> None:
        super().__init__(f"{subscription} has already handled the event {event_id}.")


class NotIndexed(ApiBaseError):
    """A search engine refused documents. `reasons` holds the reason for each, by id; the other documents of the same write are indexed."""

    def __init__(self, index: str, reasons: Mapping[UUID, str]) -> None:
        shown = "; ".join(f"{id}: {reason}" for id, reason in list(reasons.items())[:10])
        super().__init__(f"{len(reasons)} documents of the index {index!r} were refused: {shown}.")
        self.index, self.reasons = index, dict(reasons)


class MailRefused(ApiBaseError):
    """The mail server permanently refuses a mail, for example because the mailbox does not exist."""


class JobLost(ApiBaseError):
    """The current job no longer belongs to this worker: it was cancelled, or another worker has taken it over. Its transaction rolls back."""

    def __init__(self, job_id: object) -> None:
        super().__init__(f"The job {job_id} was cancelled, or another worker has taken it over.")


class Unauthenticated(ApiBaseError):
    """The request has no access token, or an invalid one."""


class AuditedRefusal(Unauthenticated):
    """A refusal that the audit trail records under its own `action`, whatever its status.

    `account` is the id of the account that the caller tried to use; None without such an account. The response reveals neither.
    """

    def __init__(self, message: str, *, action: str, account: UUID | None) -> None:
        super().__init__(message)
        self.action, self.account = action, account


class Forbidden(ApiBaseError):
    """The principal lacks the permission for this operation."""


class FeatureDisabled(Forbidden):
    """A feature flag switches the operation off for this caller. `flag` is its key."""

    def __init__(self, flag: str) -> None:
        super().__init__(f"The feature {flag!r} is switched off for you or your tenant. An administrator of the platform can switch it on.")


class NotFound(ApiBaseError):
    """The resource does not exist for this caller. A resource of another tenant gets the same response."""

    def __init__(self, what: str, identity: object, by: str = "id") -> None:
        super().__init__(f"No {what} with the {by} {identity} exists.")
        self.what = what
        self.identity, self.by = (str(identity), by) if type(self) is NotFound else ("", "")

    def naming(self, name: Callable[[str], str]) -> "NotFound":
        """Return the error with the name by which the caller knows the identity. That of a context stays as it is."""
        return NotFound(self.what, self.identity, name(self.by)) if self.by else self


class Conflict(ApiBaseError):
    """The state of the resource does not allow the operation. Contexts subclass it for their rules."""


class Taken(Conflict):
    """Another resource has the value, which must be unique. `among` says where, `other` which resource has it, and `value` is as it is written."""

    def __init__(self, name: str, value: str, other: str, among: str = "") -> None:
        super().__init__(f"{name} must be unique{among}: {other} has {value}. Change that one, or choose another {name}.")
        self.name, self.value, self.other, self.among = name, value, other, among

    def naming(self, name: Callable[[str], str]) -> "Taken":
        """Return the error with the name by which the caller knows the value."""
        return Taken(name(self.name), self.value, self.other, self.among) if type(self) is Taken else self


class StaleVersion(Conflict):
    """The resource has changed since the caller read it.

    `rows` are those that another request changed after this one had read them: the request can be repeated with these rows locked. It is
    empty when the caller names another version.
    """

    rows: Sequence[object] = ()

    def __init__(self, what: str, expected: int, rows: Sequence[object] = ()) -> None:
        stale = f"is no longer at version {expected}" if expected > 0 else "has never had the version that the request names"
        super().__init__(f"The {what} {stale}. Read it again and repeat the change.")
        self.expected = expected
        if rows:
            self.rows = rows


class ObjectChanged(Conflict):
    """A stored object is not, or no longer, the one that a condition names."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The stored object {key} is not in the expected state: it exists already, has another content, or lost a part.")


class RequestInProgress(Conflict):
    """A request with the same idempotency key is being processed. `retry_after` is in seconds."""

    def __init__(self, *, retry_after: float = 0.5) -> None:
        super().__init__(
            "A request with this Idempotency-Key is being processed. Send the same request again in a moment to get its answer."
        )
        self.retry_after = retry_after


class RuleViolated(ApiBaseError):
    """A business rule refuses a well-formed request. Contexts subclass it for their rules."""


class TooLarge(RuleViolated):
    """What the client sends, or announces, is larger than is accepted. The message names the limit."""


class ChecksumMismatch(RuleViolated):
    """A content arrived changed or incomplete: nothing was stored."""

    def __init__(self, expected: object, found: object) -> None:
        super().__init__(f"The content was not stored: it should have {expected}, and has {found}. Send it again.")


class IdempotencyKeyReused(RuleViolated):
    """An earlier, different request used the same idempotency key."""

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key belongs to another request, with another path, query, If-Match, Content-Type or body. Use a new key for each new request."
        )


class TooManyRequests(ApiBaseError):
    """A rate limit was exceeded. `retry_after` is in seconds, `violated` names the policies."""

    def __init__(self, message: str, *, retry_after: float, violated: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.retry_after, self.violated = retry_after, tuple(violated)


class ReducedCapacity(TooManyRequests):
    """A reduced rate limit was exceeded: the store of limits cannot be used, and each machine allows only a part of each."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One fault of the input: where (JSON Pointer, RFC 6901), the code of the rule, and a message that says what to do."""

    pointer: str
    code: str
    message: str


class Invalid(ApiBaseError):
    """The input is well-formed but not acceptable. Reports all violations together."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{v.pointer or '/'}: {v.message}" for v in violations))
        self.violations = tuple(violations)

    def under(self, pointer: str) -> "Invalid":
        """Return the violations for a value at `pointer` of the input."""
        return self.moved(lambda own: pointer + own)

    def moved(self, pointer: Callable[[str], str]) -> "Invalid":
        """Return the violations at what `pointer` returns for their pointers."""
        return Invalid([Violation(pointer(v.pointer), v.code, v.message) for v in self.violations])

    @classmethod
    def of(cls, pointer: str, code: str, message: str) -> "Invalid":
        """Build an error with one violation.

        `pointer` is a JSON Pointer [RFC 6901] into the input, `code` is for programs, `message` for people.
        """
        return cls([Violation(pointer, code, message)])
