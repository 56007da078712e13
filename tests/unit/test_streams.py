"""Responses that are sent while they are made: what happens when the client leaves."""

import asyncio
from collections.abc import AsyncIterator

from starlette.types import Message, Scope

from api_base.interface.middleware.http_exchange import HttpExchange
from api_base.interface.routes.rendering import StreamAnswer
from api_base.interface.routes.streaming import send_stream

GONE: Message = {"type": "http.disconnect"}


async def test_a_response_ends_when_its_client_leaves() -> None:
    """What remains of the request's body says nothing about that."""
    leaves, left = asyncio.Event(), asyncio.Event()
    messages: list[Message] = [GONE, {"type": "http.request", "body": b"", "more_body": False}]
    sent: list[Message] = []
    closed: list[bool] = []

    async def receive() -> Message:
        if len(messages) == 1:
            await leaves.wait()
        if not messages:
            await asyncio.Event().wait()  # a client that left sends nothing else
        return messages.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    async def parts() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            yield b"second"
            leaves.set()
            await left.wait()
            yield b"third"
        finally:
            closed.append(True)

    scope: Scope = {"type": "http", "method": "GET", "headers": []}
    HttpExchange(scope, receive, send)
    await send_stream(scope, receive, send, StreamAnswer(status=200, headers=[], content=parts(), leave=lambda _: left.set()))
    assert [message.get("body") for message in sent] == [None, b"first", b"second"]
    assert closed == [True]
