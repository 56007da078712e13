"""Errors on their way between services: what they are and carry arrives, and nothing else does."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from api_base.application.common.remote import NotServed
from api_base.core import errors
from api_base.core.errors import ApiBaseError, Unavailable
from api_base.infrastructure.serialization.result_codec import decode_error, encode_error, encode_internal_error

DELIVERED: list[ApiBaseError] = [
    errors.Invalid([errors.Violation("/a~1b", "range", "too small"), errors.Violation("", "x", "y")]),
    errors.RuleViolated("no"),
    errors.TooLarge("over 5 bytes"),
    errors.IdempotencyKeyReused(),
    errors.NotFound("note", "a-slug", "slug"),
    errors.Conflict("taken"),
    errors.Taken("slug", "'a'", "another note", " within the tenant"),
    errors.StaleVersion("item", 3),
    errors.RequestInProgress(retry_after=0.25),
    errors.Unauthenticated("who?"),
    errors.Forbidden("no"),
    errors.FeatureDisabled("imports"),
    errors.TooManyRequests("slow", retry_after=2.5, violated=["default", "login"]),
    errors.ReducedCapacity("slower", retry_after=2.5),
    errors.Unavailable("gone", retry_after=7),
    errors.Transient("again"),
    NotServed("no such message"),
]
ACCIDENTS: list[ApiBaseError] = [errors.ProgrammingError("secret"), errors.ConfigurationError("secret"), errors.NoTransaction("secret")]


class PriceMissing(errors.RuleViolated):
    """As a context would declare it: with a message of its own."""

    def __init__(self) -> None:
        super().__init__("An item without a price cannot be published.")


@pytest.mark.parametrize("error", DELIVERED, ids=lambda error: type(error).__name__)
def test_an_error_is_told_with_what_it_carries(error: ApiBaseError) -> None:
    told = encode_error(error)
    assert told is not None
    again = decode_error(told)
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_a_contexts_error_is_told_as_what_everybody_knows() -> None:
    told = encode_error(PriceMissing())
    assert told is not None
    again = decode_error(told)
    assert (type(again), str(again)) == (errors.RuleViolated, str(PriceMissing()))


def test_the_account_of_a_refusal_does_not_travel() -> None:
    sent = encode_error(errors.AuditedRefusal("no", action="login", account=uuid4()))
    assert sent is not None
    received = decode_error(sent)
    assert (type(received), str(received), vars(received)) == (errors.Unauthenticated, "no", {})


@pytest.mark.parametrize("error", ACCIDENTS, ids=lambda error: type(error).__name__)
def test_what_is_nobody_elses_business_is_not_told(error: ApiBaseError) -> None:
    assert encode_error(error) is None
    again = decode_error(encode_internal_error("request-1"))
    assert isinstance(again, Unavailable)
    assert "request-1" in str(again)


@pytest.mark.parametrize("body", [b"", b"nonsense", b"{}", b'{"kind":1,"message":"x"}', b'{"kind":"OfTomorrow","message":"x","more":1}'])
def test_what_is_not_known_here_is_unavailable(body: bytes) -> None:
    assert type(decode_error(body)) is Unavailable


def test_every_error_that_the_edge_shows_as_the_callers_is_told() -> None:
    """Whoever adds one to `core.errors` decides whether other services are told of it."""
    undecided = {
        errors.EventRefused,
        errors.AlreadyHandled,
        errors.JobLost,
        errors.MailRefused,
        errors.NotIndexed,
        errors.WiringError,
        *map(type, DELIVERED),
        *map(type, ACCIDENTS),
    }
    undecided.add(errors.AuditedRefusal)  # as Unauthenticated: see the test above
    undecided |= {errors.ObjectChanged, errors.ChecksumMismatch}  # as Conflict and RuleViolated, like the errors of contexts
    assert set(subclasses(ApiBaseError)) - undecided == set()


def subclasses(cls: type[ApiBaseError]) -> Iterator[type[ApiBaseError]]:
    for one in cls.__subclasses__():
        if one.__module__ == errors.__name__:
            yield one
            yield from subclasses(one)
