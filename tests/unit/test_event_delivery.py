"""One stored event to one subscriber: as whoever caused it, in its tenant, and what comes of what goes wrong."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from api_base.application.common.events import EventDelivery
from api_base.core.errors import AlreadyHandled, EventRefused, RuleViolated
from api_base.core.protocols import Isolation, StoredEvent
from api_base.core.types import NO_USER, Delivery, Origin, RequestContext, current_context, request_tenant
from api_base.domain.common.events import DurableSubscription
from tests.factories.events import VERSIONS, stored_event


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    sku: str


class Committing:
    """Carries a call out, and ends as it is told to."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.isolations: list[Isolation] = []
        self.origins: list[Origin | None] = []
        self._refusal = refusal

    async def run(self, isolation: Isolation, call: Callable[[], Awaitable[Any]], origin: Origin | None) -> Any:
        self.origins.append(origin)
        self.isolations.append(isolation)
        result = await call()
        if self._refusal is not None:
            raise self._refusal
        return result


def decode(payload: bytes, wanted: type[Any]) -> Any:
    found = json.loads(payload)
    if not isinstance(found.get("sku"), str):
        raise ValueError("sku is no text")
    return wanted(sku=found["sku"])


def subscription(handle: Callable[[Wanted], Awaitable[None]]) -> DurableSubscription:
    return DurableSubscription(name="tests.hear", event="items.created.v1", payload=Wanted, handle=handle, isolation=Isolation.SERIALIZABLE)


async def deliver(event: StoredEvent, handle: Callable[[Wanted], Awaitable[None]], transactions: Any = None) -> None:
    await EventDelivery(transactions or Committing(), decode, VERSIONS).handle(subscription(handle), event)


async def test_the_handler_acts_for_whoever_caused_the_event_in_its_tenant() -> None:
    tenant, actor = uuid4(), uuid4()
    seen: list[RequestContext] = []

    async def hear(wanted: Wanted) -> None:
        assert wanted == Wanted(sku="A-1")
        assert request_tenant() == tenant
        seen.append(current_context.get())

    committing = Committing()
    event = stored_event(tenant_id=tenant, actor_id=actor, request_id="r-1", traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    before = current_context.get(None)
    await deliver(event, hear, committing)
    (context,) = seen
    assert (context.user_id, context.request_id, context.traceparent) == (actor, "r-1", event.traceparent)
    assert committing.origins == [context.origin] == [Delivery(subscription="tests.hear", event_id=event.id)]
    assert committing.isolations == [Isolation.SERIALIZABLE]
    assert current_context.get(None) is before


async def test_what_nobody_caused_and_nobody_traced_is_handled_too() -> None:
    seen: list[UUID | None] = []

    async def hear(wanted: Wanted) -> None:
        seen.append(current_context.get().user_id)

    await deliver(stored_event(actor_id=None, traceparent=""), hear)
    assert seen == [NO_USER]


async def test_an_event_that_was_handled_before_is_no_failure() -> None:
    async def hear(wanted: Wanted) -> None:
        return

    await deliver(stored_event(), hear, Committing(AlreadyHandled("tests.hear", uuid4())))


async def test_what_the_handler_raises_goes_on() -> None:
    async def refuse(wanted: Wanted) -> None:
        raise RuleViolated("not today")

    with pytest.raises(RuleViolated):
        await deliver(stored_event(), refuse)


async def test_a_payload_that_the_subscriber_cannot_be_told_will_never_be() -> None:
    async def hear(wanted: Wanted) -> None:
        raise AssertionError("it has nothing to hear")

    event = stored_event(payload=b'{"sku": 1}')
    with pytest.raises(EventRefused, match=r"it does not match the payload class of tests\.hear: sku is no text") as refused:
        await deliver(event, hear)
    assert refused.value.event_id == event.id
