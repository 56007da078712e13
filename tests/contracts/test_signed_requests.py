"""What a signed request grants, and nothing else: on the local directory through the application, on S3 through its own server."""

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx2
import pytest

from api_base.core.errors import NotFound
from api_base.core.protocols import DirectRequest, ObjectStorage
from api_base.infrastructure.db.embedded import Urls
from tests.application import running, settings_on
from tests.contracts.test_object_storage import MIB, chunks, contents, pattern, put, s3_storage

MINUTE: Final = timedelta(minutes=1)
DATA: Final = pattern(MIB + 3)
PNG: Final = "image/png"


@dataclass(frozen=True)
class Signing:
    storage: ObjectStorage
    client: httpx2.AsyncClient
    prefix: str

    @property
    def key(self) -> str:
        return f"{self.prefix}a"

    async def stored(self) -> list[str]:
        return [one.key async for one in self.storage.list(self.prefix)]

    async def put_request(self) -> DirectRequest:
        digest = hashlib.sha256(DATA).hexdigest()
        return await self.storage.presigned_put(self.key, lifetime=MINUTE, size=len(DATA), content_type=PNG, sha256=digest)

    async def post_request(self, max_size: int = len(DATA)) -> DirectRequest:
        return await self.storage.presigned_post(self.key, lifetime=MINUTE, max_size=max_size, content_type=PNG)

    async def send(self, request: DirectRequest, content: bytes = DATA) -> httpx2.Response:
        if request.method == "PUT":
            return await self.client.put(request.url, content=content, headers={**request.headers, "Content-Length": str(len(content))})
        return await self.client.post(request.url, data={**request.fields}, files={"file": ("picture.png", content, "application/x-other")})

    async def refused(self, answer: httpx2.Response) -> None:
        assert answer.is_client_error, answer.text
        assert await self.stored() == []


@pytest.fixture(params=["local", "s3"])
async def signing(request: pytest.FixtureRequest, tmp_path: Path, shared_migrated: Urls) -> AsyncIterator[Signing]:
    prefix = f"{uuid4().hex}/"
    if request.param == "local":
        async with running(settings_on(shared_migrated, storage={"url": f"file://{tmp_path}/storage"})) as api:
            yield Signing(api.services.container.storage, api.client, prefix)
        return
    storage = s3_storage(request.getfixturevalue("s3_url"))
    async with httpx2.AsyncClient() as client:
        yield Signing(storage, client, prefix)
    await storage.close()


async def url_of(signing: Signing, lifetime: timedelta = MINUTE) -> str:
    await put(signing.storage, signing.key, DATA)
    return await signing.storage.presigned_get(
        signing.key, lifetime=lifetime, content_type=PNG, disposition='attachment; filename="a b.png"'
    )


def tampered(url: str, old: str, new: str) -> str:
    """The URL with another value; of one that hides its values, with a changed character."""
    if old in url:
        return url.replace(old, new, 1)
    return re.sub(r"(/storage/.{20})(.)", lambda found: found[1] + ("A" if found[2] != "A" else "B"), url)


async def test_a_signed_url_reads_the_object_as_it_says(signing: Signing) -> None:
    url = await url_of(signing)
    answer = await signing.client.get(url)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-type"] == PNG
    assert answer.headers["content-disposition"] == 'attachment; filename="a b.png"'
    part = await signing.client.get(url, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, DATA[5:10], f"bytes 5-9/{len(DATA)}")
    assert (await signing.client.get(url, headers={"Range": f"bytes={len(DATA)}-"})).status_code == 416
    assert (await signing.client.get(url, headers={"If-None-Match": answer.headers["etag"]})).status_code == 304


@pytest.mark.slow
async def test_a_signed_url_reads_no_other_object_by_no_other_method_and_not_for_longer(signing: Signing) -> None:
    await put(signing.storage, f"{signing.prefix}b", b"secret")
    url = await url_of(signing, timedelta(seconds=2))
    for other in (
        tampered(url, f"{signing.prefix}a?", f"{signing.prefix}b?"),
        tampered(url, "X-Amz-Expires=2", "X-Amz-Expires=9"),
        f"{url}A",
    ):
        assert (await signing.client.get(other)).status_code == 403
    assert (await signing.client.get(url)).status_code == 200
    for method in ("PUT", "POST", "DELETE"):
        assert (await signing.client.request(method, url, content=b"other")).is_client_error
    assert await contents(signing.storage, signing.key) == DATA
    while (answer := await signing.client.get(url)).status_code == 200:
        assert answer.content == DATA
    assert answer.status_code == 403


async def test_a_signed_put_stores_exactly_its_content(signing: Signing) -> None:
    answer = await signing.send(await signing.put_request())
    assert answer.status_code == 200, answer.text
    assert await contents(signing.storage, signing.key) == DATA
    assert (await signing.storage.head(signing.key)).content_type == PNG


async def test_a_signed_put_stores_nothing_else(signing: Signing) -> None:
    request = await signing.put_request()
    changed = bytes([DATA[0] ^ 1]) + DATA[1:]
    for content in (DATA[:-1], DATA + b"x", b"", changed):
        await signing.refused(await signing.send(request, content))
    await signing.refused(await signing.send(replace(request, headers={**request.headers, "Content-Type": "text/html"})))
    await signing.refused(await signing.send(replace(request, url=tampered(request.url, f"{signing.prefix}a?", f"{signing.prefix}b?"))))
    await signing.refused(await signing.client.post(request.url, data={"a": "b"}, files={"file": DATA}))
    assert (await signing.client.get(request.url)).status_code == 403


async def test_a_signed_form_stores_a_content_up_to_its_size(signing: Signing) -> None:
    for content in (b"", b"short", DATA):
        answer = await signing.send(await signing.post_request(), content)
        assert answer.status_code == 204, answer.text
        assert await contents(signing.storage, signing.key) == content
        assert (await signing.storage.head(signing.key)).content_type == PNG


async def test_a_signed_form_stores_nothing_larger_and_nothing_else(signing: Signing) -> None:
    request = await signing.post_request()
    await signing.refused(await signing.send(request, DATA + b"x"))
    await signing.refused(await signing.send(replace(request, fields={**request.fields, "Content-Type": "text/html"})))
    if "key" in request.fields:
        await signing.refused(await signing.send(replace(request, fields={**request.fields, "key": f"{signing.prefix}b"})))
    else:
        await signing.refused(await signing.send(replace(request, url=tampered(request.url, "?", "?"))))
    without = {name: value for name, value in request.fields.items() if name != "Content-Type"}
    await signing.refused(await signing.send(replace(request, fields=without)))
    await signing.refused(await signing.client.put(request.url, content=DATA, headers={"Content-Type": PNG}))


async def test_a_signed_request_for_a_missing_object_finds_nothing(signing: Signing) -> None:
    url = await url_of(signing)
    await signing.storage.delete([signing.key])
    assert (await signing.client.get(url)).status_code == 404
    with pytest.raises(NotFound):
        await signing.storage.head(signing.key)


async def test_a_form_that_lies_about_its_end_stores_nothing(signing: Signing) -> None:
    request = await signing.post_request()
    parts = [*request.fields.items(), ("file", DATA[:9].hex())]
    whole = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts)
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    for body in ("", "--b--", whole.removesuffix("\r\n"), "no form"):
        await signing.refused(await signing.client.post(request.url, content=body.encode(), headers=headers))
    await signing.refused(await signing.client.post(request.url, content=b"{}", headers={"Content-Type": "application/json"}))
    answer = await signing.client.post(request.url, content=f"{whole}--b--\r\n".encode(), headers=headers)
    assert answer.status_code == 204, answer.text


async def test_chunks_are_bounded_without_a_length(signing: Signing) -> None:
    request = await signing.put_request()
    headers = {name: value for name, value in request.headers.items() if name != "Content-Length"}
    await signing.refused(await signing.client.put(request.url, content=chunks(DATA + b"x"), headers=headers))
