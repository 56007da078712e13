"""WebSockets under a server that is not ours: it gives the application scopes of the type `websocket`, whose connections nothing would limit."""

import asyncio
import socket

import pytest
from uvicorn import Config, Server
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.http_harness import HttpHarness, shell
from tests.websocket_client import ECHO, PATIENCE, echo


async def test_a_websocket_scope_is_closed_before_it_is_accepted() -> None:
    harness = shell(echo())
    sent = await messages_for(harness, ECHO)
    assert sent == [{"type": "websocket.close", "code": 1011, "reason": "only the server of api-base serve has WebSockets"}]
    assert await messages_for(harness, "/unknown") == sent
    assert harness.recorder.requests == []


async def messages_for(harness: HttpHarness, path: str) -> list[object]:
    sent: list[object] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: object) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": path, "headers": [(b"authorization", b"Bearer good")], "query_string": b"", "subprotocols": []}
    await harness.app(scope, receive, send)  # type: ignore[arg-type]
    return sent


@pytest.mark.parametrize("path", [ECHO, "/unknown"])
async def test_plain_uvicorn_answers_the_handshake_with_403(path: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = Config(shell(echo()).app, ws="websockets-sansio", lifespan="off", log_config=None)
        server = Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            url = f"ws://127.0.0.1:{listener.getsockname()[1]}{path}"
            with pytest.raises(InvalidStatus) as refused:
                await asyncio.wait_for(connect(url, additional_headers={"Authorization": "Bearer good"}), PATIENCE)
            assert refused.value.response.status_code == 403
        finally:
            server.should_exit = True
            await asyncio.wait_for(serving, PATIENCE)
