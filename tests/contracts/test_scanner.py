"""What every scanner promises, and what the one of ClamAV does beyond that, on Debian's clamd with a signature of the EICAR test file."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from api_base.core.errors import Unavailable
from api_base.core.protocols import Scanner, ScanVerdict
from api_base.infrastructure.resilience.patterns import Policy, PolicyConfig
from api_base.infrastructure.resilience.retry import RetryConfig
from api_base.infrastructure.scanner.clamav import ClamavScanner, ClamdAddress
from api_base.infrastructure.scanner.none import NoScanner
from tests.e2e.processes import free_port
from tests.factories import content as made
from tests.services import Killable, Toxiproxy

MIB = 1_048_576


def clamav(url: str, *, max_bytes: int = 100 * MIB, timeout: float = 20.0) -> ClamavScanner:
    policy = Policy("scanner", PolicyConfig(retry=RetryConfig(attempts=1), timeout=timeout))
    return ClamavScanner(policy, ClamdAddress.parse(url), max_bytes, timeout)


@pytest.fixture(params=["none", "tcp", "unix"])
def scanner(request: pytest.FixtureRequest) -> Scanner:
    if request.param == "none":
        return NoScanner()
    url = request.getfixturevalue("clamav_url")
    return clamav(url if request.param == "tcp" else f"clamav://{request.getfixturevalue('clamav_socket')}")


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


async def zeros(mebibytes: int) -> AsyncIterator[bytes]:
    for _ in range(mebibytes):
        yield bytes(MIB)


async def test_a_harmless_content_is_never_found(scanner: Scanner) -> None:
    result = await scanner.scan(pieces(b"hello ", b"world"))
    assert result.verdict is (ScanVerdict.NOT_SCANNED if isinstance(scanner, NoScanner) else ScanVerdict.CLEAN)
    assert result.version == await scanner.version()
    assert result.signature == ""


async def test_the_test_file_of_scanners_is_clean_for_none(scanner: Scanner) -> None:
    result = await scanner.scan(pieces(made.EICAR))
    assert result.verdict is (ScanVerdict.NOT_SCANNED if isinstance(scanner, NoScanner) else ScanVerdict.FOUND)


async def test_errors_of_the_source_are_raised(clamav_url: str) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise Unavailable("The storage does not answer.")

    with pytest.raises(Unavailable, match="The storage does not answer"):
        await clamav(clamav_url).scan(broken())


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_the_test_file_is_found_however_it_is_cut(clamav_url: str, size: int) -> None:
    result = await clamav(clamav_url).scan(pieces(*(made.EICAR[at : at + size] for at in range(0, len(made.EICAR), size)), b""))
    assert (result.verdict, result.signature) == (ScanVerdict.FOUND, "Test.Eicar.UNOFFICIAL")


async def test_the_test_file_is_found_in_an_archive(clamav_url: str) -> None:
    result = await clamav(clamav_url).scan(pieces(made.zipped({"a.txt": b"text", "in.zip": made.zipped({"eicar.com": made.EICAR})})))
    assert result.verdict is ScanVerdict.FOUND


async def test_an_empty_content_is_clean(clamav_url: str) -> None:
    assert (await clamav(clamav_url).scan(pieces())).verdict is ScanVerdict.CLEAN


async def test_the_version_names_the_engine(clamav_url: str) -> None:
    version = await clamav(clamav_url).version()
    assert version.engine.startswith("ClamAV 1.")
    assert version.signatures == ""  # our signature has no number


async def test_the_probe_names_the_scanner(clamav_url: str) -> None:
    assert (await clamav(clamav_url).check()).startswith("ClamAV 1.")


async def test_a_content_over_the_limit_of_the_settings_is_too_large_and_not_sent(clamav_url: str) -> None:
    read = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal read
        async for piece in zeros(50):
            read += len(piece)
            yield piece

    result = await clamav(clamav_url, max_bytes=2 * MIB).scan(counted())
    assert result.verdict is ScanVerdict.TOO_LARGE
    assert read == 3 * MIB


async def test_a_content_of_exactly_the_limit_is_scanned(clamav_url: str) -> None:
    assert (await clamav(clamav_url, max_bytes=2 * MIB).scan(zeros(2))).verdict is ScanVerdict.CLEAN


async def test_a_content_over_the_stream_limit_of_the_daemon_is_too_large(clamav_url: str) -> None:
    for _ in range(10):  # the daemon answers and ends the connection while it is being written to
        result = await clamav(clamav_url).scan(zeros(30))
        assert (result.verdict, result.reason) == (ScanVerdict.TOO_LARGE, "INSTREAM size limit exceeded. ERROR")


async def test_a_content_that_the_daemon_does_not_look_at_is_not_clean(clamav_url: str) -> None:
    result = await clamav(clamav_url).scan(zeros(5))  # MaxFileSize is 4 MiB
    assert (result.verdict, result.reason) == (ScanVerdict.TOO_LARGE, "Heuristics.Limits.Exceeded.MaxFileSize")
    assert result.signature == ""


async def test_an_archive_that_the_daemon_does_not_scan_whole_is_not_clean(clamav_url: str) -> None:
    archive = made.zipped({str(number): os.urandom(1024) * 3 * 1024 for number in range(10)})  # 30 MiB; MaxScanSize is 16 MiB
    assert (await clamav(clamav_url).scan(pieces(archive))).verdict is ScanVerdict.TOO_LARGE


async def test_a_daemon_that_is_away_is_unavailable() -> None:
    result = await clamav(f"clamav://127.0.0.1:{free_port()}").scan(pieces(b"x"))
    assert (result.verdict, result.version) == (ScanVerdict.UNAVAILABLE, None)
    assert result.reason
    with pytest.raises(Unavailable):
        await clamav("clamav:///nowhere/socket").check()


async def test_a_daemon_that_does_not_answer_is_unavailable_in_time(clamav_url: str, toxiproxy: Toxiproxy) -> None:
    with toxiproxy.to(urlsplit(clamav_url).netloc) as proxy, proxy.silent():
        async with asyncio.timeout(10):
            result = await clamav(f"clamav://{proxy.host}:{proxy.port}", timeout=0.5).scan(pieces(b"x"))
    assert result.verdict is ScanVerdict.UNAVAILABLE


async def test_a_slow_daemon_is_waited_for(clamav_url: str, toxiproxy: Toxiproxy) -> None:
    with toxiproxy.to(urlsplit(clamav_url).netloc) as proxy, proxy.slow(300):
        assert (await clamav(f"clamav://{proxy.host}:{proxy.port}").scan(pieces(made.EICAR))).verdict is ScanVerdict.FOUND


async def test_a_connection_that_is_cut_while_sending_is_no_verdict(clamav_url: str, toxiproxy: Toxiproxy) -> None:
    with toxiproxy.to(urlsplit(clamav_url).netloc) as proxy:

        async def cut() -> AsyncIterator[bytes]:
            yield bytes(MIB)
            await asyncio.to_thread(proxy.cut)
            for _ in range(3):
                yield bytes(MIB)

        result = await clamav(f"clamav://{proxy.host}:{proxy.port}").scan(cut())
    assert (result.verdict, result.signature) == (ScanVerdict.UNAVAILABLE, "")
    assert result.version is not None


async def test_a_daemon_that_is_killed_while_scanning_is_no_verdict(killable_clamav: Killable) -> None:
    scanner = clamav(killable_clamav.url)

    async def killing() -> AsyncIterator[bytes]:
        yield made.EICAR
        await asyncio.to_thread(killable_clamav.kill)
        yield bytes(MIB)

    assert (await scanner.scan(killing())).verdict is ScanVerdict.UNAVAILABLE
    assert (await scanner.scan(pieces(b"x"))).verdict is ScanVerdict.UNAVAILABLE
    await asyncio.to_thread(killable_clamav.start)
    assert (await scanner.scan(pieces(made.EICAR))).verdict is ScanVerdict.FOUND


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (b"", ScanVerdict.UNAVAILABLE),
        (b"stream: Can't allocate memory ERROR\0", ScanVerdict.UNAVAILABLE),
        (b"stream: OK", ScanVerdict.UNAVAILABLE),
        (b"stream: OK FOUND\0", ScanVerdict.FOUND),
        (b"x" * 10_000, ScanVerdict.UNAVAILABLE),
        (b"\xff\0", ScanVerdict.UNAVAILABLE),
        (b"stream: OK\0", ScanVerdict.CLEAN),
    ],
)
async def test_only_the_exact_words_are_a_verdict(tmp_path: Path, reply: bytes, verdict: ScanVerdict) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readuntil(b"\0") == b"zVERSION\0":
            writer.write(b"ClamAV 1.4.6/27400/Thu Nov 20 09:00:00 2026\0")
        else:
            while size := struct.unpack(">I", await reader.readexactly(4))[0]:
                await reader.readexactly(size)
            writer.write(reply)
        writer.close()

    path = tmp_path / "socket"
    async with await asyncio.start_unix_server(answer, path):
        result = await clamav(f"clamav://{path}", timeout=5).scan(pieces(b"content"))
    assert result.verdict is verdict
    assert result.version is not None
    assert (result.version.engine, result.version.signatures) == ("ClamAV 1.4.6", "27400/Thu Nov 20 09:00:00 2026")


async def test_memory_is_bounded(clamav_url: str) -> None:
    scanner = clamav(clamav_url)
    await scanner.scan(zeros(1))
    before = _resident()
    results = await asyncio.gather(*(scanner.scan(zeros(4)) for _ in range(16)))
    assert {result.verdict for result in results} == {ScanVerdict.CLEAN}
    assert _resident() - before < 32 * MIB


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
