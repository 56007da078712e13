"""Inspection and thumbnails in their own process: the same decisions, within limits of memory, time and pixels, and nothing left of it."""

import asyncio
import io
import os
import zipfile
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from api_base.core.errors import ConfigurationError, ProgrammingError, Unavailable
from api_base.core.errors.content import ContentRefused
from api_base.infrastructure.storage import handlers
from api_base.infrastructure.storage.handlers import SubprocessContent
from api_base.infrastructure.storage.inspection import process
from tests.factories import content as made

PIXELS: Final = 50_000_000
ALLOWED: Final = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/zip", "text/plain")
SLOW: Final = made.PNG[:33] + (bytes(4) + b"aaAa" + bytes(4)) * 5_500_000
"""A PNG of so many empty chunks that it takes over two seconds; its size alone allows one."""


@pytest.fixture
def content() -> SubprocessContent:
    return SubprocessContent(ALLOWED, PIXELS)


async def test_no_more_contents_are_copied_than_are_inspected(content: SubprocessContent) -> None:
    """Copies need space in TMPDIR."""
    begun, gate = 0, asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        nonlocal begun
        begun += 1
        await gate.wait()
        yield b"Four legs"

    inspections = [asyncio.create_task(content.inspect(waiting(), declared="text/plain")) for _ in range(handlers.CONCURRENCY + 3)]
    while begun < handlers.CONCURRENCY:
        await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    assert begun == handlers.CONCURRENCY
    gate.set()
    assert {found.media_type for found in await asyncio.gather(*inspections)} == {"text/plain"}
    assert begun == len(inspections)


async def pieces(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


async def test_the_process_answers_as_the_inspector_does(content: SubprocessContent) -> None:
    found = await content.inspect(pieces(made.JPEG), declared="image/jpeg")
    assert (found.media_type, found.size, found.width, found.height) == ("image/jpeg", len(made.JPEG), 40, 30)
    assert (await content.inspect(pieces(b""))).size == 0
    with pytest.raises(ContentRefused) as refused:
        await content.inspect(pieces(made.PNG + made.HTML))
    assert refused.value.code == "trailing_data"
    with pytest.raises(ContentRefused) as refused:
        await content.inspect(pieces(made.PNG), allowed=["image/jpeg"])
    assert refused.value.code == "type_not_allowed"


async def test_a_large_file_is_read_with_little_memory(content: SubprocessContent) -> None:
    async def large() -> AsyncIterator[bytes]:
        for _ in range(96):
            yield b"name,price\n" * 95_325  # one MiB

    peak, found = await children_peak(content.inspect(large(), declared="text/csv", allowed=["text/csv"]))
    assert found.media_type == "text/csv"
    assert found.size > 96_000_000
    assert peak < 64_000  # KiB of private memory


async def children_peak[T](work: Awaitable[T]) -> tuple[int, T]:
    """The largest private memory of a process that was started meanwhile, in KiB, and the result."""
    running = asyncio.ensure_future(work)
    peak = 0
    while not running.done():
        peak = max([peak, *(private(child) for child in children())])
        await asyncio.sleep(0.01)
    return peak, running.result()


def children() -> list[int]:
    """The processes that read content: this process may have others, such as the database."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return [child for child in found if b"inspection.process" in _text(child, "cmdline")]


def environments() -> list[bytes]:
    return [_text(child, "environ") for child in children()]


def _text(process_id: int, name: str) -> bytes:
    """A file of a process; empty once it has ended."""
    try:
        return Path(f"/proc/{process_id}/{name}").read_bytes()
    except OSError:
        return b""


def private(process_id: int) -> int:
    lines = _text(process_id, "status").decode().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


async def test_memory_has_a_limit(content: SubprocessContent) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_STORED) as archive:
        inner = made.zipped({"a": os.urandom(60_000_000)}, zipfile.ZIP_STORED)
        archive.writestr("in.zip", inner)
    peak, found = await children_peak(content.inspect(pieces(bomb.getvalue())))
    assert found.media_type == "application/zip"
    assert peak < process.MEMORY // 1024


@pytest.mark.slow
async def test_cpu_time_has_a_limit() -> None:
    content = SubprocessContent(ALLOWED, PIXELS, cpu_seconds=0)
    with pytest.raises(ContentRefused) as refused:
        await content.inspect(pieces(SLOW, 4_194_304))
    assert refused.value.code == "limits_exceeded"


async def test_a_cancelled_inspection_leaves_no_process(content: SubprocessContent) -> None:
    running = asyncio.create_task(content.inspect(pieces(SLOW, 4_194_304)))
    while not children():
        await asyncio.sleep(0.01)
    started = children()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not set(started) & set(children())


async def test_a_slow_process_says_nothing_about_the_content(content: SubprocessContent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "TIMEOUT_SECONDS", 0.0)
    with pytest.raises(Unavailable, match="not inspected in time"):
        await content.inspect(pieces(made.PNG))
    assert children() == []


async def test_the_process_has_no_secrets(content: SubprocessContent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECURITY__SIGNING_KEYS", "secret")
    monkeypatch.setenv("LD_LIBRARY_PATH", os.environ.get("LD_LIBRARY_PATH", "/nowhere"))  # a Python in another place needs it
    running = asyncio.create_task(content.inspect(pieces(SLOW, 4_194_304)))
    while not (found := environments()):
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (environment,) = found
    names = {variable.partition(b"=")[0].decode() for variable in environment.split(b"\0") if variable}
    assert names == {"PATH", "LD_LIBRARY_PATH"}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_a_thumbnail_fits_and_keeps_the_proportions(content: SubprocessContent, kind: str) -> None:
    found = await content.thumbnail(pieces(made.picture(kind, 600, 300)), max_side=64)
    assert (found.media_type, found.width, found.height) == ("image/webp", 64, 32)
    picture = opened(found.data)
    assert (picture.format, picture.size) == ("WEBP", (64, 32))


async def test_a_small_picture_is_not_enlarged(content: SubprocessContent) -> None:
    found = await content.thumbnail(pieces(made.PNG), max_side=500)
    assert (found.width, found.height) == (40, 30)


async def test_a_thumbnail_is_upright_and_has_no_metadata(content: SubprocessContent) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825)[1] = "N"  # a position
    written = io.BytesIO()
    picture = Image.new("RGB", (400, 200), "blue")
    picture.paste("red", (0, 0, 200, 200))
    picture.save(written, "JPEG", exif=exif, quality=95)
    found = await content.thumbnail(pieces(written.getvalue()), max_side=100)
    assert (found.width, found.height) == (50, 100)
    small = opened(found.data)
    assert small.getpixel((25, 10))[0] > 200  # type: ignore[index] # the left side is now on top
    assert not dict(small.getexif())
    assert not {"exif", "icc_profile", "xmp"} & small.info.keys()
    assert b"camera" not in found.data


async def test_malformed_metadata_does_not_matter(content: SubprocessContent) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned
    exif[0x011A] = 72.0  # pixels per inch
    written = io.BytesIO()
    Image.new("RGB", (40, 20)).save(written, "JPEG", exif=exif)
    resolution = b"\x01\x1a\x00\x05"  # the tag and its type, a fraction
    assert written.getvalue().count(resolution) == 1
    for kind in (1, 2, 7):  # bytes and text instead
        found = await content.thumbnail(pieces(written.getvalue().replace(resolution, resolution[:3] + bytes([kind]))), max_side=10)
        assert (found.width, found.height) == (5, 10)


async def test_transparency_is_kept_and_only_the_first_frame_counts(content: SubprocessContent) -> None:
    written = io.BytesIO()
    Image.new("RGBA", (100, 100), (255, 0, 0, 0)).save(written, "PNG")
    found = await content.thumbnail(pieces(written.getvalue()), max_side=10)
    assert opened(found.data).convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]
    written = io.BytesIO()
    frames = [Image.new("RGB", (100, 100), colour) for colour in ("red", "blue", "green")]
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:])
    found = await content.thumbnail(pieces(written.getvalue()), max_side=10)
    assert opened(found.data).convert("RGB").getpixel((5, 5))[0] > 200  # type: ignore[index]


@pytest.mark.slow
async def test_the_largest_accepted_picture_fits_into_the_limits(content: SubprocessContent) -> None:
    written = io.BytesIO()
    Image.new("RGBA", (7071, 7071), (1, 2, 3, 4)).save(written, "PNG", compress_level=1)
    found = await content.thumbnail(pieces(written.getvalue()), max_side=256)
    assert (found.width, found.height) == (256, 256)


@pytest.mark.parametrize("data", [made.png_of(65_535, 65_535), made.PDF, made.PNG + made.ZIP, made.png_of(41, 30), b""])
async def test_what_is_no_acceptable_picture_has_no_thumbnail(content: SubprocessContent, data: bytes) -> None:
    with pytest.raises(ContentRefused):
        await content.thumbnail(pieces(data), max_side=64)


async def test_the_bound_of_a_thumbnail_is_bounded(content: SubprocessContent) -> None:
    for side in (0, 2049):
        with pytest.raises(ProgrammingError):
            await content.thumbnail(pieces(made.PNG), max_side=side)


async def test_without_pillow_thumbnails_say_what_to_install(content: SubprocessContent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "missing_extra", lambda extra: f"needs the extra {extra}")
    assert not content.available
    with pytest.raises(ConfigurationError, match="needs the extra images"):
        await content.thumbnail(pieces(made.PNG), max_side=64)


async def test_errors_of_the_source_are_raised(content: SubprocessContent) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield made.PNG
        raise LookupError

    with pytest.raises(LookupError):
        await content.inspect(broken())
