"""What selects the storage: URLs, their mistakes, encryption, the origin of signed URLs; and the keys that sign these."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from api_base.core.config.storage import StorageSettings
from api_base.core.errors import Forbidden, ProgrammingError
from api_base.core.protocols import Ticket
from api_base.infrastructure.minio.address import FORM, S3Address
from api_base.infrastructure.minio.upload_operations import block_size
from api_base.infrastructure.storage.signed_urls import SignedUrls

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TICKET = Ticket(
    method="PUT", key="a/b", expires_at=int(NOW.timestamp()) + 60, content_type="image/png", disposition="inline", size=3, sha256="00"
)


def test_the_url_of_s3_says_bucket_credentials_region_and_endpoint() -> None:
    assert S3Address.parse("s3://key%2F:s%40cret@my-bucket?region=eu-west-1&endpoint=https://minio:9000") == S3Address(
        bucket="my-bucket", region="eu-west-1", endpoint="https://minio:9000", key="key/", secret="s@cret"
    )
    assert S3Address.parse("s3://my.bucket") == S3Address(bucket="my.bucket", region=None, endpoint=None, key=None, secret=None)
    assert "s@cret" not in repr(S3Address.parse("s3://key:s%40cret@my-bucket"))


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "a",
        "UPPER_CASE",
        "key@bucket",
        "key:@bucket",
        "key:secret@bucket:9000",
        "key:secret@bucket/folder",
        "bucket?region",
        "bucket?other=a",
        "bucket?region=a&region=b",
        "bucket?endpoint=minio:9000",
        "bucket?endpoint=https://",
        "bucket?endpoint=https://minio/path",
        "bucket?endpoint=https://user@minio",
        "bucket#fragment",
    ],
)
def test_a_wrong_url_of_s3_is_refused_without_being_shown(rest: str) -> None:
    with pytest.raises(ValueError) as refused:
        S3Address.parse(f"s3://{rest}")
    assert str(refused.value).startswith(f"must be {FORM}")


@pytest.mark.parametrize("encryption", ["none", "sse-s3", "sse-kms", "sse-kms:arn:aws:kms:eu-west-1:1:key/2"])
def test_s3_encrypts_as_it_is_set(encryption: str) -> None:
    assert StorageSettings.model_validate({"url": "s3://bucket", "encryption": encryption}).encryption == encryption


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"url": "s3://bucket", "encryption": "aes"}, "must be none, sse-s3, sse-kms or sse-kms:<key id>"),
        ({"url": "s3://bucket", "encryption": "sse-s3:key"}, "must be none, sse-s3, sse-kms or sse-kms:<key id>"),
        ({"encryption": "sse-s3"}, "cannot encrypt the files of file://"),
        ({"public_url": "*"}, "must be an http(s) origin"),
        ({"public_url": "ftp://files.example.com"}, "must be an http(s) origin"),
        ({"public_url": "https://files.example.com/path"}, "must be * or an origin"),
    ],
)
def test_wrong_settings_say_what_to_write(values: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message.replace("(", "\\(").replace(")", "\\)").replace("*", "\\*")):
        StorageSettings.model_validate(values)


def test_10000_blocks_hold_270_gib() -> None:
    assert sum(block_size(number) for number in range(1, 10_001)) // 2**30 == 271


def test_a_signed_url_survives_a_rotation_of_the_keys_and_no_removal() -> None:
    url = SignedUrls(lambda: [b"old"], "https://files.example.com").url(TICKET)
    prefix = "https://files.example.com/storage/"
    assert url.startswith(prefix)
    text = url.removeprefix(prefix)
    assert SignedUrls(lambda: [b"new", b"old"], "").ticket(text, "PUT", NOW) == TICKET
    with pytest.raises(Forbidden):
        SignedUrls(lambda: [b"new"], "").ticket(text, "PUT", NOW)


def test_a_signed_url_grants_one_method_until_it_expires_and_no_other_text() -> None:
    urls = SignedUrls(lambda: [b"key"], "")
    text = urls.url(TICKET).removeprefix("/storage/")
    assert urls.ticket(text, "PUT", NOW + timedelta(seconds=59)) == TICKET
    for method in ("GET", "POST", "HEAD", ""):
        with pytest.raises(Forbidden):
            urls.ticket(text, method, NOW)
    with pytest.raises(Forbidden):
        urls.ticket(text, "PUT", NOW + timedelta(seconds=60))
    for other in (
        "",
        "a",
        "é",
        "=",
        text[:-1],
        text + "A",
        text + "=",
        f"{text}\n",
        text.swapcase(),
        *(_changed(text, at) for at in range(len(text))),
    ):
        with pytest.raises(Forbidden):
            urls.ticket(other, "PUT", NOW)


def _changed(text: str, at: int) -> str:
    return text[:at] + ("B" if text[at] != "B" else "C") + text[at + 1 :]


@pytest.mark.parametrize("disposition", ['attachment; filename="é"', "inline\r\nset-cookie: a=b"])
def test_a_disposition_is_one_line_of_ascii(disposition: str) -> None:
    with pytest.raises(ProgrammingError):
        SignedUrls(lambda: [b"key"], "").url(replace(TICKET, disposition=disposition))
