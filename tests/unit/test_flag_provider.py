"""The scenarios of OpenFeature's provider kit [open-feature/spec, specification/assets/provider-tck: gherkin/*.feature], each a test of ours.

Our provider supports every capability that the kit lets a provider declare, so that no scenario is left out: events, lifecycle, stale,
configuration-change, object, variants, disabled-flags, unavailable, numeric-coercion, string-typing, fully-typed-values, large-integers,
reinitialization, targeting, standard-reasons. `caching` is reserved: the kit has no scenario for it. The backend of the kit is the source of
the flags: "the connection is lost" is the source that reports it, and an unavailable backend is a source that never delivers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, ProviderEvent
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagEvaluationDetails
from openfeature.provider import ProviderStatus

from api_base.application.services.feature_flags import CurrentFlags, FlagListener
from api_base.domain.flags.values import MAX_INTEGER
from api_base.infrastructure.flags.provider import FlagProvider
from tests.factories.flags import HIT, MAX_INT32, MISS, TEMPLATE, canonical, snapshot

EVENT_SECONDS = 12
"""The kit's bound for an event."""


@dataclass
class Kit:
    """A provider under test, its client, and the source of its flags."""

    current: CurrentFlags
    provider: FlagProvider
    client: OpenFeatureClient
    events: dict[ProviderEvent, SimpleQueue[EventDetails]] = field(default_factory=dict)

    def listen(self, event: ProviderEvent) -> None:
        queue: SimpleQueue[EventDetails] = SimpleQueue()
        self.events[event] = queue
        self.client.add_handler(event, queue.put)

    def next(self, event: ProviderEvent) -> EventDetails:
        return self.events[event].get(timeout=EVENT_SECONDS)

    def evaluate(self, kind: str, key: str, default: Any, user: str | None = None) -> FlagEvaluationDetails[Any]:
        context = None if user is None else EvaluationContext(targeting_key=user)
        details: FlagEvaluationDetails[Any] = getattr(self.client, f"get_{kind}_details")(key, default, context)
        return details


def kit(patience: float) -> Kit:
    current, domain = CurrentFlags(), str(uuid4())
    provider = FlagProvider(current, patience)
    return Kit(current, provider, api.get_client(domain))


@pytest.fixture
def stable() -> Iterator[Kit]:
    found = kit(patience=EVENT_SECONDS)
    found.current.replace(snapshot(*canonical()))
    api.set_provider_and_wait(found.provider, found.client.domain)
    yield found
    api.clear_providers()


@pytest.fixture
def unavailable() -> Iterator[Kit]:
    found = kit(patience=0.001)
    api.set_provider(found.provider, found.client.domain)
    yield found
    api.clear_providers()


def resolved(details: FlagEvaluationDetails[Any], value: Any, reason: str) -> None:
    assert (details.value, type(details.value)) == (value, type(value))
    assert (details.reason, details.error_code, details.error_message) == (reason, None, None)


def failed(details: FlagEvaluationDetails[Any], default: Any, code: ErrorCode) -> None:
    assert (details.value, details.reason, details.error_code) == (default, "ERROR", code)


# evaluation.feature and reason.feature


@pytest.mark.parametrize(
    ("key", "kind", "default", "value"),
    [
        ("boolean-flag", "boolean", False, True),
        ("string-flag", "string", "bye", "hi"),
        ("integer-flag", "integer", 1, 10),
        ("float-flag", "float", 0.1, 0.5),
        ("large-integer-flag", "integer", 1, MAX_INT32),
        ("huge-integer-flag", "integer", 1, MAX_INTEGER),
    ],
)
def test_resolve_values_statically_without_loss_of_precision(stable: Kit, key: str, kind: str, default: Any, value: Any) -> None:
    resolved(stable.evaluate(kind, key, default), value, "STATIC")


@pytest.mark.parametrize(
    ("key", "kind", "default", "value"),
    [
        ("boolean-zero-flag", "boolean", True, False),
        ("integer-zero-flag", "integer", 1, 0),
        ("string-zero-flag", "string", "fallback", ""),
    ],
)
def test_a_falsy_value_is_a_value_not_an_absence(stable: Kit, key: str, kind: str, default: Any, value: Any) -> None:
    resolved(stable.evaluate(kind, key, default), value, "STATIC")


@pytest.mark.parametrize(
    ("key", "kind", "default", "variant"),
    [
        ("boolean-flag", "boolean", False, "on"),
        ("string-flag", "string", "bye", "greeting"),
        ("integer-flag", "integer", 1, "ten"),
        ("float-flag", "float", 0.1, "half"),
        ("boolean-zero-flag", "boolean", True, "zero"),
        ("integer-zero-flag", "integer", 1, "zero"),
        ("string-zero-flag", "string", "fallback", "zero"),
        ("large-integer-flag", "integer", 1, "max-int32"),
        ("object-flag", "object", {}, "template"),
    ],
)
def test_the_resolved_details_name_the_variant(stable: Kit, key: str, kind: str, default: Any, variant: str) -> None:
    details = stable.evaluate(kind, key, default)
    assert (details.variant, details.error_code, details.error_message) == (variant, None, None)


@pytest.mark.parametrize(
    ("key", "kind", "default"),
    [
        ("disabled-boolean-flag", "boolean", False),
        ("disabled-string-flag", "string", "bye"),
        ("disabled-integer-flag", "integer", 1),
        ("disabled-float-flag", "float", 0.1),
    ],
)
def test_a_disabled_flag_resolves_to_the_code_default_and_reports_that_it_is_disabled(
    stable: Kit, key: str, kind: str, default: Any
) -> None:
    details = stable.evaluate(kind, key, default)
    resolved(details, default, "DISABLED")
    assert details.variant is None


def test_resolve_a_structured_value(stable: Kit) -> None:
    resolved(stable.evaluate("object", "object-flag", {}), TEMPLATE, "STATIC")


def test_supplying_an_evaluation_context_does_not_disturb_an_untargeted_resolution(stable: Kit) -> None:
    resolved(stable.evaluate("string", "string-flag", "bye", MISS), "hi", "STATIC")


def test_a_matching_evaluation_context_resolves_the_targeted_variant(stable: Kit) -> None:
    resolved(stable.evaluate("string", "targeting-key-flag", "fallback", HIT), "hit", "TARGETING_MATCH")


def test_a_non_matching_evaluation_context_resolves_the_default_variant(stable: Kit) -> None:
    resolved(stable.evaluate("string", "targeting-key-flag", "fallback", MISS), "miss", "DEFAULT")


def test_no_evaluation_context_resolves_the_default_variant(stable: Kit) -> None:
    resolved(stable.evaluate("string", "targeting-key-flag", "fallback"), "miss", "DEFAULT")


# errors.feature and reason.feature


@pytest.mark.parametrize(
    ("key", "kind", "default"),
    [
        ("string-flag", "boolean", False),
        ("string-flag", "integer", 1),
        ("string-flag", "float", 0.1),
        ("wrong-flag", "boolean", False),
        ("boolean-flag", "string", "fallback"),
        ("boolean-flag", "integer", 1),
        ("boolean-flag", "float", 0.1),
        ("integer-flag", "boolean", False),
        ("integer-flag", "string", "fallback"),
        ("float-flag", "boolean", False),
        ("float-flag", "string", "fallback"),
    ],
)
def test_requesting_the_wrong_type_returns_the_code_default(stable: Kit, key: str, kind: str, default: Any) -> None:
    failed(stable.evaluate(kind, key, default), default, ErrorCode.TYPE_MISMATCH)


@pytest.mark.parametrize(("kind", "default"), [("boolean", False), ("string", "fallback"), ("integer", 1), ("float", 0.1)])
def test_requesting_a_structured_flag_as_a_scalar_returns_the_code_default(stable: Kit, kind: str, default: Any) -> None:
    failed(stable.evaluate(kind, "object-flag", default), default, ErrorCode.TYPE_MISMATCH)


def test_a_float_flag_is_not_silently_narrowed_to_an_integer(stable: Kit) -> None:
    failed(stable.evaluate("integer", "float-flag", 1), 1, ErrorCode.TYPE_MISMATCH)


def test_an_integral_float_requested_as_an_integer_is_coerced_without_loss(stable: Kit) -> None:
    resolved(stable.evaluate("integer", "integral-float-flag", 1), 10, "STATIC")


def test_an_integer_requested_as_a_float_is_widened_without_loss(stable: Kit) -> None:
    resolved(stable.evaluate("float", "integer-flag", 0.1), 10.0, "STATIC")


def test_an_unknown_flag_key_returns_the_code_default(stable: Kit) -> None:
    failed(stable.evaluate("string", "missing-flag", "fallback"), "fallback", ErrorCode.FLAG_NOT_FOUND)


# events.feature


def test_a_configuration_change_is_signalled_and_applied(stable: Kit) -> None:
    stable.listen(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED)
    resolved(stable.evaluate("string", "changing-flag", "unset"), "foo", "STATIC")
    changed = [one | {"default_variant": "bar"} if one["key"] == "changing-flag" else one for one in canonical()]
    stable.current.replace(snapshot(*changed))
    assert stable.next(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED).flags_changed == ["changing-flag"]
    resolved(stable.evaluate("string", "changing-flag", "unset"), "bar", "STATIC")


def test_losing_the_backend_makes_the_provider_stale_and_regaining_it_makes_it_ready_again(stable: Kit) -> None:
    stable.listen(ProviderEvent.PROVIDER_READY)
    stable.listen(ProviderEvent.PROVIDER_STALE)
    stable.next(ProviderEvent.PROVIDER_READY)
    stable.current.mark_stale("the connection is lost")
    assert stable.next(ProviderEvent.PROVIDER_STALE).message == "the connection is lost"
    assert stable.client.get_provider_status() is ProviderStatus.STALE
    resolved(stable.evaluate("boolean", "boolean-flag", False), True, "STATIC")  # the last snapshot serves
    stable.current.mark_fresh()
    stable.next(ProviderEvent.PROVIDER_READY)
    assert stable.client.get_provider_status() is ProviderStatus.READY


# lifecycle.feature


def test_a_provider_that_successfully_initializes_becomes_ready(stable: Kit) -> None:
    stable.listen(ProviderEvent.PROVIDER_READY)
    stable.next(ProviderEvent.PROVIDER_READY)
    assert stable.client.get_provider_status() is ProviderStatus.READY


def test_a_provider_that_cannot_reach_its_backend_reports_an_error(unavailable: Kit) -> None:
    unavailable.listen(ProviderEvent.PROVIDER_ERROR)
    unavailable.next(ProviderEvent.PROVIDER_ERROR)
    assert unavailable.client.get_provider_status() is ProviderStatus.ERROR


def test_a_provider_that_cannot_reach_its_backend_still_returns_code_defaults(unavailable: Kit) -> None:
    unavailable.listen(ProviderEvent.PROVIDER_ERROR)
    unavailable.next(ProviderEvent.PROVIDER_ERROR)
    failed(unavailable.evaluate("boolean", "boolean-flag", False), False, ErrorCode.PROVIDER_NOT_READY)


def test_shutting_down_a_provider_twice_has_no_further_effect(stable: Kit) -> None:
    stable.provider.shutdown()
    stable.provider.shutdown()
    failed(stable.evaluate("boolean", "boolean-flag", False), False, ErrorCode.PROVIDER_NOT_READY)


def test_a_provider_that_was_shut_down_can_be_initialized_again(stable: Kit) -> None:
    stable.provider.shutdown()
    stable.provider.initialize(EvaluationContext())
    resolved(stable.evaluate("boolean", "boolean-flag", False), True, "STATIC")


def test_shutting_down_a_provider_that_cannot_reach_its_backend_completes_promptly(unavailable: Kit) -> None:
    unavailable.listen(ProviderEvent.PROVIDER_ERROR)
    unavailable.next(ProviderEvent.PROVIDER_ERROR)
    unavailable.provider.shutdown()
    failed(unavailable.evaluate("boolean", "boolean-flag", False), False, ErrorCode.PROVIDER_NOT_READY)


# metadata.feature


def test_a_provider_identifies_itself_by_name(stable: Kit) -> None:
    assert stable.client.provider.get_metadata().name == "api-base"


# What the kit does not ask


def test_a_provider_becomes_ready_when_the_first_snapshot_arrives_late(unavailable: Kit) -> None:
    unavailable.listen(ProviderEvent.PROVIDER_ERROR)
    unavailable.next(ProviderEvent.PROVIDER_ERROR)
    unavailable.listen(ProviderEvent.PROVIDER_READY)
    unavailable.current.replace(snapshot(*canonical()))
    unavailable.next(ProviderEvent.PROVIDER_READY)
    resolved(unavailable.evaluate("boolean", "boolean-flag", False), True, "STATIC")


class Watched(CurrentFlags):
    """Notes that somebody listens."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = Event()

    def subscribe(self, listener: FlagListener) -> None:
        super().subscribe(listener)
        self.heard.set()


def test_initialization_waits_for_the_first_snapshot_and_states_once_that_it_is_ready() -> None:
    current, domain = Watched(), str(uuid4())
    waiting = Kit(current, FlagProvider(current, patience=10 * EVENT_SECONDS), api.get_client(domain))
    waiting.listen(ProviderEvent.PROVIDER_READY)
    waiting.listen(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED)
    waiting.next(ProviderEvent.PROVIDER_READY)  # of the provider that the SDK has from the start
    api.set_provider(waiting.provider, domain)
    assert current.heard.wait(EVENT_SECONDS)
    failed(waiting.evaluate("boolean", "boolean-flag", False), False, ErrorCode.PROVIDER_NOT_READY)
    current.replace(snapshot(*canonical()))
    waiting.next(ProviderEvent.PROVIDER_READY)
    resolved(waiting.evaluate("boolean", "boolean-flag", False), True, "STATIC")
    current.replace(snapshot())
    waiting.next(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED)
    assert waiting.events[ProviderEvent.PROVIDER_READY].empty()
    api.clear_providers()


def test_a_change_names_the_flags_that_depend_on_the_changed_one(stable: Kit) -> None:
    required = [{"key": "boolean-flag", "variant": "on"}]
    dependent = canonical()[0] | {"key": "dependent", "prerequisites": required}
    stable.current.replace(snapshot(*canonical(), dependent))
    stable.listen(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED)
    off = [one | {"enabled": False} if one["key"] == "boolean-flag" else one for one in canonical()]
    stable.current.replace(snapshot(*off, dependent))
    assert stable.next(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED).flags_changed == ["boolean-flag", "dependent"]


def test_a_caller_who_changes_a_structured_value_changes_no_other_evaluation(stable: Kit) -> None:
    stable.evaluate("object", "object-flag", {}).value["title"] = "changed"
    resolved(stable.evaluate("object", "object-flag", {}), TEMPLATE, "STATIC")
