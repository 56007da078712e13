"""What other services ask for: carried out for who the token says, by the message's own permission, once where it has a key."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC, Bus, Command, Message, Query, on
from api_base.application.common.middleware.permission import PermissionMiddleware
from api_base.application.common.remote import NotServed, RemoteCall, RemoteService
from api_base.core.errors import Forbidden, Invalid, Unauthenticated, Unavailable
from api_base.core.types import KeyedExecution, KeyedRequest, RequestContext, current_context
from api_base.infrastructure.rbac.checker import RolePermissionChecker
from tests.http_harness import PRINCIPAL, KeptRefusals, OneToken

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine(Query[str]):
    permission = AUTHENTICATED
    suffix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Command[int]):
    permission = AUTHENTICATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Command[None]):
    permission = "things:rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep(Query[None]):
    permission = PUBLIC


@dataclass
class Handlers:
    contexts: list[RequestContext] = field(default_factory=list)

    async def handle(self, message: Message[Any]) -> Any:
        self.contexts.append(current_context.get())
        match message:
            case Mine(suffix=suffix):
                return f"mine{suffix}"
            case Sleep():
                await asyncio.Event().wait()
        return len(self.contexts)


@dataclass
class Served:
    handlers: Handlers = field(default_factory=Handlers)
    refusals: KeptRefusals = field(default_factory=KeptRefusals)

    def __post_init__(self) -> None:
        bus, tokens = Bus([PermissionMiddleware(RolePermissionChecker({"things:rule": frozenset({"owner"})}))]), OneToken()
        bus.add([on(message, self.handlers) for message in (Mine, Count, Rule, Sleep)])
        served: Mapping[str, type[Message[Any]]] = {"things.mine": Mine, "things.count": Count, "things.rule": Rule, "things.sleep": Sleep}
        self.service = RemoteService(
            bus,
            served,
            tokens,
            tokens,
            self.refusals,
            decode=lambda body, wanted: msgspec.json.decode(body, type=wanted),
            encode=msgspec.json.encode,
        )

    async def answer(self, name: str = "things.mine", body: bytes = b"{}", **changes: Any) -> bytes:
        call = RemoteCall(name=name, body=body, seconds=5.0, access_token="good")
        return await self.service.answer(replace(call, **changes))


@pytest.fixture
def served() -> Served:
    return Served()


async def test_a_message_is_executed_for_who_the_token_says(served: Served) -> None:
    assert await served.answer(body=b'{"suffix":"!","added_since":1}') == b'"mine!"'
    (context,) = served.handlers.contexts
    assert context.principal == PRINCIPAL
    assert (context.access_token, context.origin) == ("good", None)


async def test_nobody_and_a_bad_token_are_refused_and_that_is_kept(served: Served) -> None:
    for token in ("", "bad"):
        with pytest.raises(Unauthenticated):
            await served.answer(access_token=token)
    with pytest.raises(Forbidden):
        await served.answer("things.rule")
    assert served.handlers.contexts == []
    assert served.refusals.kept == [("REMOTE", "things.mine", 401), ("REMOTE", "things.mine", 401), ("REMOTE", "things.rule", 403)]


async def test_only_what_is_served_can_be_asked_for_and_only_as_what_it_is(served: Served) -> None:
    with pytest.raises(NotServed, match=r"things\.other"):
        await served.answer("things.other")
    with pytest.raises(NotServed, match="suffix"):
        await served.answer(body=b'{"suffix":1}')
    with pytest.raises(NotServed):
        await served.answer(body=b"{")


async def test_a_trace_and_a_request_id_go_on_when_they_are_sane(served: Served) -> None:
    await served.answer(request_id="request-1", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    await served.answer(request_id="no\nid", traceparent="00-nonsense")
    traced, fresh = served.handlers.contexts
    assert (traced.request_id, traced.trace_id, traced.parent_span_id, traced.trace_flags) == ("request-1", TRACE, "00f067aa0ba902b7", 1)
    assert fresh.request_id == fresh.trace_id != traced.trace_id
    assert (len(fresh.trace_id), fresh.parent_span_id) == (32, "")


def _request(context: RequestContext) -> KeyedRequest:
    assert isinstance(context.origin, KeyedExecution)
    return context.origin.request


async def test_a_key_makes_the_request_one_that_is_carried_out_once(served: Served) -> None:
    await served.answer("things.count", key="a", redelivered=True)
    await served.answer("things.count", key="a")
    await served.answer("things.count", key="b")
    first, second, other = (_request(context) for context in served.handlers.contexts)
    assert (first.user_id, first.tenant_id, first.route) == (PRINCIPAL.user_id, PRINCIPAL.tenant_id, "REMOTE things.count")
    assert first == second != other


async def test_a_key_is_somebodys_and_of_a_length(served: Served) -> None:
    with pytest.raises(Unauthenticated):
        await served.answer("things.sleep", key="a", access_token="")
    for key in ("", "k" * 256):
        with pytest.raises(Invalid):
            await served.answer("things.count", key=key)
    assert served.handlers.contexts == []


async def test_a_command_without_a_key_is_not_begun_twice(served: Served) -> None:
    with pytest.raises(Unavailable, match="key"):
        await served.answer("things.count", redelivered=True)
    assert await served.answer("things.mine", redelivered=True) == b'"mine"'
    assert len(served.handlers.contexts) == 1


async def test_what_takes_longer_than_its_caller_waits_is_ended(served: Served) -> None:
    with pytest.raises(Unavailable, match="did not finish"):
        await served.answer("things.sleep", seconds=0.01)
