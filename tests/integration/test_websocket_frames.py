"""The frames of WebSockets [RFC 6455, sections 5 to 8], one by one, over a real socket."""

import struct
import zlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.websocket_client import BINARY, CLOSE, CONT, PING, PONG, TEXT, WebSocketServer, field_of, websocket_server

MAX_BYTES = 70_000


@pytest_asyncio.fixture
async def server() -> AsyncIterator[WebSocketServer]:
    async with websocket_server(websocket={"max_message_bytes": MAX_BYTES}) as found:
        yield found


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, MAX_BYTES])
async def test_a_message_of_any_size_is_echoed(server: WebSocketServer, size: int) -> None:
    client = await server.connect()
    client.frame(TEXT, b"x" * size)
    assert await client.text() == "x" * size


async def test_a_message_of_one_byte_more_is_too_big(server: WebSocketServer) -> None:
    client = await server.connect()
    client.frame(TEXT, b"x" * (MAX_BYTES + 1))
    assert (await client.closed())[0] == 1009


@pytest.mark.parametrize("size", [MAX_BYTES + 1000, 2**32, 2**63, 2**64 - 1])
async def test_a_frame_is_refused_by_its_length_before_it_arrives(server: WebSocketServer, size: int) -> None:
    client = await server.connect()
    client.writer.write(b"\x81\xff" + size.to_bytes(8) + b"mask")
    assert (await client.closed())[0] == 1009


async def test_fragments_are_one_message(server: WebSocketServer) -> None:
    client = await server.connect()
    client.frame(TEXT, b"ab", fin=False)
    client.frame(CONT, b"", fin=False)
    client.frame(CONT, b"cd", fin=False)
    client.frame(CONT, b"e")
    assert await client.text() == "abcde"


async def test_control_frames_between_fragments_are_answered_before_the_message(server: WebSocketServer) -> None:
    client = await server.connect()
    client.frame(TEXT, b"a", fin=False)
    client.frame(PING, b"there?")
    client.frame(PONG, b"nobody asked")
    client.frame(CONT, b"b")
    assert (await client.read())[2:] == (PONG, b"there?")
    assert await client.text() == "ab"


async def test_a_ping_among_the_last_bytes_of_the_largest_message_is_answered(server: WebSocketServer) -> None:
    client = await server.connect()
    client.frame(TEXT, b"x" * (MAX_BYTES - 1), fin=False)
    client.frame(PING, b"p" * 125)
    client.frame(CONT, b"x")
    assert (await client.read())[2:] == (PONG, b"p" * 125)
    assert len(await client.text()) == MAX_BYTES


async def test_fragments_count_together(server: WebSocketServer) -> None:
    client = await server.connect()
    client.frame(TEXT, b"x" * MAX_BYTES, fin=False)
    client.frame(CONT, b"x")
    assert (await client.closed())[0] == 1009


async def test_a_frame_may_arrive_byte_by_byte(server: WebSocketServer) -> None:
    client = await server.connect()
    for byte in b"\x81\x85\x01\x02\x03\x04" + bytes(c ^ m for c, m in zip(b"hello", b"\x01\x02\x03\x04\x01", strict=True)):
        client.writer.write(bytes([byte]))
        await client.writer.drain()
    assert await client.text() == "hello"


@pytest.mark.parametrize("payload", [b"", b"x", b"\x00\xff", b"p" * 125])
async def test_a_pong_carries_the_data_of_its_ping(server: WebSocketServer, payload: bytes) -> None:
    client = await server.connect()
    client.frame(PING, payload)
    assert (await client.read())[2:] == (PONG, payload)


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
async def test_a_control_frame_is_neither_long_nor_fragmented(server: WebSocketServer, opcode: int) -> None:
    client = await server.connect()
    client.frame(opcode, b"\x03\xe8" + b"p" * 124)
    assert (await client.closed())[0] == 1002
    client = await server.connect()
    client.frame(opcode, b"\x03\xe8", fin=False)
    assert (await client.closed())[0] == 1002


@pytest.mark.parametrize(("size", "length"), [(0, "!BH"), (125, "!BH"), (1, "!BQ"), (126, "!BQ"), (2000, "!BQ")])
async def test_a_length_in_more_bytes_than_necessary_is_refused(server: WebSocketServer, size: int, length: str) -> None:
    client = await server.connect()
    client.frame(TEXT, b"x" * 126)
    assert await client.text() == "x" * 126
    client.writer.write(b"\x81" + struct.pack(length, 0x80 | (126 if length == "!BH" else 127), size) + bytes(4) + b"x" * size)
    assert await client.closed() == (1002, "the payload length must be in the fewest bytes")


@pytest.mark.parametrize("rsv", [1, 2, 4])
async def test_reserved_bits_need_an_extension(server: WebSocketServer, rsv: int) -> None:
    client = await server.connect()
    client.frame(TEXT, b"x", rsv=rsv)
    assert (await client.closed())[0] == 1002


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
async def test_reserved_opcodes_are_refused(server: WebSocketServer, opcode: int) -> None:
    client = await server.connect()
    client.frame(opcode, b"x")
    assert (await client.closed())[0] == 1002


async def test_a_client_must_mask(server: WebSocketServer) -> None:
    client = await server.connect()
    client.frame(TEXT, b"x", masked=False)
    assert (await client.closed())[0] == 1002


async def test_a_continuation_needs_a_beginning_and_a_beginning_an_end(server: WebSocketServer) -> None:
    client = await server.connect()
    client.frame(CONT, b"x")
    assert (await client.closed())[0] == 1002
    client = await server.connect()
    client.frame(TEXT, b"x", fin=False)
    client.frame(TEXT, b"y")
    assert (await client.closed())[0] == 1002


@pytest.mark.parametrize("opcode", [BINARY])
async def test_binary_messages_are_not_supported(server: WebSocketServer, opcode: int) -> None:
    client = await server.connect()
    client.frame(opcode, b"x")
    assert (await client.closed())[0] == 1003


async def test_a_character_may_be_split_between_fragments(server: WebSocketServer) -> None:
    client = await server.connect()
    text = "κόσμε😀"
    data = text.encode()
    for byte in data[:-1]:
        client.frame(TEXT if byte is data[0] and not hasattr(client, "begun") else CONT, bytes([byte]), fin=False)
        client.begun = True  # type: ignore[attr-defined]
    client.frame(CONT, data[-1:])
    assert await client.text() == text


@pytest.mark.parametrize(
    "data", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xce", b"ok\xf0\x9f\x98"], ids=lambda data: data.hex()
)
async def test_text_that_is_not_utf_8_is_refused(server: WebSocketServer, data: bytes) -> None:
    client = await server.connect()
    client.frame(TEXT, data)
    assert (await client.closed())[0] == 1007


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
async def test_a_close_frame_is_answered_with_its_code(server: WebSocketServer, code: int) -> None:
    client = await server.connect()
    client.frame(CLOSE, code.to_bytes(2) + "Grüße".encode())
    assert (await client.read())[2:] == (CLOSE, code.to_bytes(2) + "Grüße".encode())
    await client.ended()


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
async def test_a_close_code_that_no_client_may_send_is_refused(server: WebSocketServer, code: int) -> None:
    client = await server.connect()
    client.frame(CLOSE, code.to_bytes(2))
    assert (await client.closed())[0] == 1002


async def test_a_close_frame_without_a_code_is_answered_without_one(server: WebSocketServer) -> None:
    client = await server.connect()
    client.frame(CLOSE)
    assert (await client.read())[2:] == (CLOSE, b"")
    await client.ended()


async def test_a_close_frame_with_half_a_code_or_a_reason_that_is_no_text_is_refused(server: WebSocketServer) -> None:
    client = await server.connect()
    client.frame(CLOSE, b"\x03")
    assert (await client.closed())[0] == 1002
    client = await server.connect()
    client.frame(CLOSE, b"\x03\xe8\xff")
    assert (await client.closed())[0] == 1007


async def test_nothing_is_read_behind_a_close_frame(server: WebSocketServer) -> None:
    client = await server.connect()
    client.frame(CLOSE, b"\x03\xe8")
    client.frame(TEXT, b"too late")
    assert (await client.read())[2:] == (CLOSE, b"\x03\xe8")
    await client.ended()


async def test_the_end_of_the_handler_closes_normally(server: WebSocketServer) -> None:
    client = await server.connect()
    client.frame(TEXT, b"return")
    assert await client.closed() == (1000, "")


async def test_a_failing_handler_closes_with_1011_and_reveals_nothing(server: WebSocketServer) -> None:
    client = await server.connect()
    client.frame(TEXT, b"fail")
    assert await client.closed() == (1011, "an internal error occurred; it was logged")


OFFER = "permessage-deflate"


def _deflated(data: bytes, compressor: "zlib._Compress | None" = None) -> bytes:
    compressor = compressor or zlib.compressobj(wbits=-15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


async def test_compression_is_agreed_without_context_takeover(server: WebSocketServer) -> None:
    client = await server.client()
    answer = await client.request(authorization="Bearer good", sec_websocket_extensions=f"{OFFER}; client_max_window_bits")
    agreed = answer.headers["sec-websocket-extensions"]
    assert agreed.startswith(OFFER)
    assert all(field_of(agreed, name) for name in ("server_no_context_takeover", "client_no_context_takeover"))
    assert "server_max_window_bits=12" in agreed
    assert "client_max_window_bits=12" in agreed
    for _ in range(3):
        client.frame(TEXT, _deflated(b"hello " * 100), rsv=4)
        frame = await client.read()
        assert (frame.rsv, frame.opcode) == (4, TEXT)
        assert zlib.decompressobj(wbits=-12).decompress(frame.payload + b"\0\0\xff\xff") == b"hello " * 100


async def test_a_client_may_leave_a_message_uncompressed_and_fragment_a_compressed_one(server: WebSocketServer) -> None:
    client = await server.connect(sec_websocket_extensions=OFFER)
    client.frame(TEXT, b"plain")
    assert zlib.decompressobj(wbits=-12).decompress((await client.read()).payload + b"\0\0\xff\xff") == b"plain"
    data = _deflated(b"in two parts")
    client.frame(TEXT, data[:3], fin=False, rsv=4)
    client.frame(PING)
    client.frame(CONT, data[3:])
    assert (await client.read()).opcode == PONG
    assert zlib.decompressobj(wbits=-12).decompress((await client.read()).payload + b"\0\0\xff\xff") == b"in two parts"


async def test_a_context_that_was_not_agreed_is_an_error(server: WebSocketServer) -> None:
    client = await server.connect(sec_websocket_extensions=OFFER)
    compressor = zlib.compressobj(wbits=-15)
    client.frame(TEXT, _deflated(b"the same words", compressor), rsv=4)
    await client.read()
    client.frame(TEXT, _deflated(b"the same words", compressor), rsv=4)
    assert (await client.closed())[0] == 1002


@pytest.mark.parametrize(
    "offer",
    [
        f"{OFFER}; server_max_window_bits=9",
        f"{OFFER}; unknown",
        f"{OFFER}; server_max_window_bits=16",
        f"{OFFER}; server_no_context_takeover=1",
        f"{OFFER}; client_max_window_bits; client_max_window_bits",
        "x-webkit-deflate-frame",
    ],
)
async def test_an_offer_that_does_not_fit_is_declined_and_the_connection_goes_on(server: WebSocketServer, offer: str) -> None:
    client = await server.client()
    answer = await client.request(authorization="Bearer good", sec_websocket_extensions=offer)
    assert answer.status == 101
    assert "sec-websocket-extensions" not in answer.headers
    client.frame(TEXT, b"plain")
    assert await client.text() == "plain"


async def test_the_second_offer_is_agreed_if_the_first_does_not_fit(server: WebSocketServer) -> None:
    client = await server.client()
    answer = await client.request(authorization="Bearer good", sec_websocket_extensions=f"{OFFER}; server_max_window_bits=10, {OFFER}")
    assert "server_max_window_bits=12" in answer.headers["sec-websocket-extensions"]


async def test_a_compressed_bomb_is_refused_by_its_size_after_inflation(server: WebSocketServer) -> None:
    client = await server.connect(sec_websocket_extensions=OFFER)
    bomb = _deflated(b"\0" * 50_000_000)
    assert len(bomb) < MAX_BYTES
    client.frame(TEXT, bomb, rsv=4)
    assert (await client.closed())[0] == 1009


async def test_data_that_is_no_deflate_is_a_protocol_error(server: WebSocketServer) -> None:
    client = await server.connect(sec_websocket_extensions=OFFER)
    client.frame(TEXT, b"\xff\xff\xff\xff", rsv=4)
    assert (await client.closed())[0] == 1002


async def test_a_control_frame_is_never_compressed(server: WebSocketServer) -> None:
    client = await server.connect(sec_websocket_extensions=OFFER)
    client.frame(PING, b"x", rsv=4)
    assert (await client.closed())[0] == 1002
