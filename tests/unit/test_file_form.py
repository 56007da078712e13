"""A form with a file arrives in any pieces, and is refused in any other form."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_base.interface.errors.http import BodyTooLarge, MalformedBody
from api_base.interface.file_form import FileForm
from api_base.interface.routes.multipart import MAX_FIELD, boundary_of

FIELDS = {"Content-Type": "image/png"}
FIELD = b'--b\r\nContent-Disposition: form-data; name="Content-Type"\r\n\r\nimage/png\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: text/html\r\n\r\n'


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def parsed(body: bytes, size: int = 1000, limit: int = 10**6) -> bytes:
    return b"".join([part async for part in FileForm(b"b", pieces(body, size), FIELDS, limit)])


@given(
    content=st.lists(st.sampled_from([b"\r", b"\n", b"-", b"\r\n--", b"\r\n--a", b"b", b"x", b"\0", b"\r\n\r\n"])).map(b"".join),
    size=st.integers(1, 40),
)
async def test_the_content_is_what_stands_before_the_boundary(content: bytes, size: int) -> None:
    if b"\r\n--b" in b"\r\n" + content:
        return
    assert await parsed(FIELD + FILE + content + b"\r\n--b--\r\n", size) == content
    assert await parsed(FIELD + FILE + content + b"\r\n--b-- an epilogue", size) == content


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"--b--\r\n",
        b"preamble\r\n" + FIELD + FILE + b"a\r\n--b--",
        FIELD,
        FIELD + b"--b--\r\n",
        FILE + b"a\r\n--b--\r\n",
        FIELD + FIELD + FILE + b"a\r\n--b--\r\n",
        FIELD + FILE,
        FIELD + FILE + b"a",
        FIELD + FILE + b"a\r\n--b",
        FIELD + FILE + b"a\r\n--b-",
        FIELD + FILE + b"a\r\n--b\r\n",
        FIELD + FILE + b"a\r\n" + FIELD + b"--b--\r\n",
        FIELD.replace(b"image/png", b"text/html") + FILE + b"a\r\n--b--\r\n",
        FIELD.replace(b"image/png", b"x" * MAX_FIELD * 2) + FILE + b"a\r\n--b--\r\n",
        FIELD.replace(b"form-data", b"x" * MAX_FIELD * 2) + FILE + b"a\r\n--b--\r\n",
        FIELD.replace(b"Content-Disposition", b"Content-Description") + FILE + b"a\r\n--b--\r\n",
        FIELD.replace(b"name=", b"name*=a; name*0=") + FILE + b"a\r\n--b--\r\n",
        FIELD.replace(b"name=", b"name*%s=" % (b"1" * 5000)) + FILE + b"a\r\n--b--\r\n",
        FIELD.replace(b"--b\r\n", b"--bc\r\n") + FILE + b"a\r\n--b--\r\n",
        FIELD + FILE + b"a\r\n--b--" + b"x" * MAX_FIELD * 2,
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
async def test_any_other_form_is_refused(body: bytes, size: int) -> None:
    with pytest.raises(MalformedBody):
        await parsed(body, size)


async def test_a_file_has_at_most_the_granted_size() -> None:
    assert await parsed(FIELD + FILE + b"12345\r\n--b--\r\n", limit=5) == b"12345"
    with pytest.raises(BodyTooLarge):
        await parsed(FIELD + FILE + b"123456\r\n--b--\r\n", limit=5)
    with pytest.raises(BodyTooLarge):
        await parsed(FIELD + FILE + b"1234567890 without an end", size=1, limit=5)


def test_the_boundary_comes_from_the_content_type() -> None:
    assert boundary_of("multipart/form-data; boundary=b") == b"b"
    assert boundary_of('Multipart/Form-Data; charset=utf-8; boundary="a b"') == b"a b"
    for other in (
        "",
        "multipart/form-data",
        "multipart/mixed; boundary=b",
        "application/json; boundary=b",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=é",
        "multipart/form-data; boundary*=a; boundary*0=b",
        f"multipart/form-data; boundary*{'1' * 5000}=b",
        "multipart/form-data; boundary*=idna''%ff",
    ):
        with pytest.raises(MalformedBody):
            boundary_of(other)
