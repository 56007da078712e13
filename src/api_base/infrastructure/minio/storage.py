"""Objects in one bucket of S3. Copies are made, and versions removed, by S3; signed requests are for its origin, or for STORAGE__PUBLIC_URL."""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from itertools import batched, chain
from typing import TYPE_CHECKING, Any, Final

from api_base.core.errors import NotFound, ObjectChanged, ProgrammingError, Unavailable
from api_base.core.protocols import (
    MAX_PARTS,
    Clock,
    DirectRequest,
    ObjectStorage,
    Probe,
    StoredObject,
    checked_content_type,
    checked_key,
)
from api_base.infrastructure.minio.client import S3Client
from api_base.infrastructure.minio.upload_operations import MINIMUM_PART, UploadOperations

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client as Api

COPIED_AT_ONCE: Final = 268_435_456
"""Bytes that S3 copies in one request: it would copy 5 GiB, but not within a timeout."""
DELETED_AT_ONCE: Final = 1000
LISTED_AT_ONCE: Final = 10
"""Keys whose versions are listed at the same time."""


class S3Storage(UploadOperations, ObjectStorage, Probe):
    """Implements `ObjectStorage`. `public` is the origin of signed requests. `copied_at_once` is in bytes."""

    minimum_part = MINIMUM_PART

    def __init__(self, client: S3Client, clock: Clock, public: str | None = None, copied_at_once: int = COPIED_AT_ONCE) -> None:
        super().__init__(client, clock)
        self._public, self._copied_at_once = public, copied_at_once

    async def copy(self, source: str, target: str, *, if_match: str | None = None) -> StoredObject:
        checked_key(target)
        found = await self.head(source)
        if if_match not in (None, found.etag):
            raise ObjectChanged(source)
        if found.size > self._copied_at_once:
            await self.copy_parts(found, target, max(self._copied_at_once, -(-found.size // MAX_PARTS)))
        else:
            bucket = self._client.bucket
            await self._client.call(
                lambda api: api.copy_object(
                    Bucket=bucket,
                    Key=target,
                    CopySource={"Bucket": bucket, "Key": source},
                    CopySourceIfMatch=f'"{found.etag}"',
                    **self._client.encryption,
                ),
                key=source,
            )
        return await self.head(target)

    async def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            checked_key(key)
        versioned = (await self._client.call(lambda api: api.get_bucket_versioning(Bucket=self._client.bucket))).get("Status")
        wanted: list[dict[str, str]] = []
        for some in batched(keys, LISTED_AT_ONCE):
            found = await asyncio.gather(*map(self._versions, some)) if versioned else [[{"Key": key}] for key in some]
            wanted += chain.from_iterable(found)
        for objects in batched(wanted, DELETED_AT_ONCE):
            await self._delete(objects)

    async def presigned_get(self, key: str, *, lifetime: timedelta, content_type: str, disposition: str) -> str:
        if not (disposition.isascii() and disposition.isprintable()):
            raise ProgrammingError("A Content-Disposition must be printable ASCII; encode other names as in RFC 8187.")
        parameters = {
            "Bucket": self._client.bucket,
            "Key": checked_key(key),
            "ResponseContentType": checked_content_type(content_type),
            "ResponseContentDisposition": disposition,
        }
        return await self._signed("get_object", parameters, lifetime)

    async def presigned_put(self, key: str, *, lifetime: timedelta, size: int, content_type: str, sha256: str) -> DirectRequest:
        checksum = b64encode(bytes.fromhex(sha256)).decode()
        encryption = self._client.encryption
        parameters = {
            "Bucket": self._client.bucket,
            "Key": checked_key(key),
            "ContentType": checked_content_type(content_type),
            "ContentLength": size,
            "ChecksumSHA256": checksum,
            **encryption,
        }
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(size),
            "x-amz-checksum-sha256": checksum,
            **_encryption_fields(encryption),
        }
        expires_at = self._clock.now() + lifetime
        url = await self._signed("put_object", parameters, lifetime)
        return DirectRequest(method="PUT", url=url, headers=headers, fields={}, expires_at=expires_at)

    async def presigned_post(self, key: str, *, lifetime: timedelta, max_size: int, content_type: str) -> DirectRequest:
        fields = {"Content-Type": checked_content_type(content_type), **_encryption_fields(self._client.encryption)}
        conditions: list[Any] = [["content-length-range", 0, max_size], *({name: value} for name, value in fields.items())]
        api = await self._client.api(self._public)
        expires_at = self._clock.now() + lifetime
        form = await api.generate_presigned_post(
            self._client.bucket, checked_key(key), Fields={**fields}, Conditions=conditions, ExpiresIn=int(lifetime.total_seconds())
        )
        return DirectRequest(method="POST", url=form["url"], headers={}, fields=form["fields"], expires_at=expires_at)

    async def check(self) -> str:
        try:
            await self._client.call(lambda api: api.head_bucket(Bucket=self._client.bucket))
        except NotFound as error:
            raise Unavailable("The file storage cannot be used.", reason=f"no bucket {self._client.address}") from error
        finally:
            await self.close()
        return f"S3 bucket {self._client.address}"

    async def close(self) -> None:
        await self._client.close()

    async def _signed(self, operation: str, parameters: dict[str, Any], lifetime: timedelta) -> str:
        api = await self._client.api(self._public)
        return await api.generate_presigned_url(operation, Params=parameters, ExpiresIn=int(lifetime.total_seconds()))

    async def _versions(self, key: str) -> list[dict[str, str]]:
        """Return every version of one key, and its delete markers."""

        def listing(api: "Api", **place: Any) -> Awaitable[Any]:
            return api.list_object_versions(Bucket=self._client.bucket, Prefix=key, **place)

        found: list[dict[str, str]] = []
        async for page in self._client.pages(listing, {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"}):
            listed = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            found += [{"Key": key, "VersionId": one["VersionId"]} for one in listed if one["Key"] == key]
            if page.get("NextKeyMarker") != key:  # the key comes before all that begin with it
                break
        return found

    async def _delete(self, objects: Any) -> None:
        answer = await self._client.call(
            lambda api: api.delete_objects(Bucket=self._client.bucket, Delete={"Objects": objects, "Quiet": True})
        )
        if errors := answer.get("Errors"):
            raise Unavailable("The file storage cannot be used.", reason=f"{len(errors)} objects were not deleted: {errors[0]['Code']}")


def _encryption_fields(encryption: dict[str, Any]) -> dict[str, str]:
    names = {"ServerSideEncryption": "x-amz-server-side-encryption", "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id"}
    return {names[name]: value for name, value in encryption.items()}
