"""What the settings of S3 do, against a real server: credentials, encryption, the origin of signed URLs, and what `doctor` says."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from api_base.core.errors import Unavailable
from api_base.infrastructure.minio.address import S3Address
from api_base.infrastructure.minio.client import S3Client
from api_base.infrastructure.minio.storage import S3Storage
from api_base.infrastructure.resilience.patterns import Policy, PolicyConfig
from api_base.infrastructure.system import SystemClock
from tests.contracts.test_object_storage import MIB, TEXT, contents, listed, local_storage, pattern, put, s3_storage

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def storage(s3_url: str) -> AsyncIterator[S3Storage]:
    made = s3_storage(s3_url)
    yield made
    await made.close()


async def test_doctor_finds_the_bucket_and_leaves_nothing_open(storage: S3Storage, s3_url: str) -> None:
    assert await storage.check() == f"S3 bucket files at {s3_url.partition('endpoint=')[2]}"
    assert await listed(storage, "no-such-prefix") == set()


@pytest.mark.parametrize(
    ("old", "new"), [("@files", "@no-such-bucket"), (":tests-only@", ":wrong-secret@"), ("s3://tests:", "s3://nobody:"), (":19390", ":1")]
)
async def test_doctor_says_what_is_wrong_and_no_secret(s3_url: str, old: str, new: str) -> None:
    port = f":{urlsplit(s3_url.partition('endpoint=')[2]).port}"
    storage = s3_storage(s3_url.replace(port if old == ":19390" else old, new))
    with pytest.raises(Unavailable) as refused:
        await storage.check()
    assert "secret" not in str(refused.value).replace("secret key", "")
    assert refused.value.public_message == "The file storage cannot be used."
    assert refused.value.reason


async def test_credentials_come_from_the_environment_without_those_in_the_url(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = s3_url.replace("tests:tests-only@", "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests-only")
    storage, data = s3_storage(url), pattern(6 * MIB)
    await put(storage, "environment/a", data)
    assert await contents(storage, "environment/a") == data
    await storage.delete(["environment/a"])
    await storage.close()


async def test_without_any_credentials_the_reason_says_where_to_write_them(
    s3_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    storage = s3_storage(s3_url.replace("tests:tests-only@", ""))
    with pytest.raises(Unavailable) as refused:
        await storage.head("a")
    assert "STORAGE__URL" in refused.value.reason
    await storage.close()


async def test_signed_requests_name_the_public_origin(s3_url: str) -> None:
    storage = s3_storage(s3_url, public="https://files.example.com")
    url = await storage.presigned_get("a/b", lifetime=MINUTE, content_type=TEXT, disposition="inline")
    put = await storage.presigned_put("a/b", lifetime=MINUTE, size=1, content_type=TEXT, sha256="00" * 32)
    post = await storage.presigned_post("a/b", lifetime=MINUTE, max_size=1, content_type=TEXT)
    assert url.startswith("https://files.example.com/files/a/b?")
    assert put.url.startswith("https://files.example.com/files/a/b?")
    assert post.url == "https://files.example.com/files"
    await storage.close()


@pytest.mark.parametrize("size", [3, 6 * MIB])
async def test_every_write_asks_for_the_encryption(s3_url: str, size: int) -> None:
    """By the request: what the server does with it depends on its keys."""
    client = S3Client(S3Address.parse(s3_url), Policy("storage", PolicyConfig()), 10, "sse-kms:key-1")
    storage, seen = S3Storage(client, SystemClock()), set()
    request = await storage.presigned_put("a", lifetime=MINUTE, size=1, content_type=TEXT, sha256="00" * 32)
    form = await storage.presigned_post("a", lifetime=MINUTE, max_size=1, content_type=TEXT)
    asked = {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "key-1"}
    assert asked.items() <= dict(request.headers).items()
    assert asked.items() <= dict(form.fields).items()

    def note(request: object, operation_name: str, **rest: object) -> None:
        headers = {name.lower(): str(value, "ascii") if isinstance(value, bytes) else value for name, value in request.headers.items()}  # type: ignore[attr-defined]
        if asked.items() <= headers.items():
            seen.add(operation_name)

    (await client.api()).meta.events.register(
        "before-send.s3.*", lambda request, event_name, **rest: note(request, event_name.rpartition(".")[2])
    )
    with pytest.raises(Unavailable):  # the server has no such key
        await put(storage, "encrypted/a", pattern(size))
    assert seen == ({"CreateMultipartUpload"} if size > MIB else set())
    await storage.close()


async def test_doctor_finds_the_directory(tmp_path: Path) -> None:
    assert await local_storage(tmp_path / "new" / "storage").check() == str(tmp_path / "new" / "storage")
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable):
        await local_storage(tmp_path / "file").check()
