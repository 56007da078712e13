"""Read from S3: by obstore what it can, the listings by aiobotocore, since those of obstore are by whole segments of keys."""

from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING, Any, Final

import obstore
from obstore.exceptions import BaseError

from api_base.core.errors import ObjectChanged, Unavailable
from api_base.core.protocols import StoredObject, Unfinished, checked_key
from api_base.infrastructure.minio.client import S3Client

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult
    from types_aiobotocore_s3.client import S3Client as Api

BLOCK: Final = 262_144
"""Bytes that are read at a time, at least."""


class DownloadOperations:
    """The reading methods of `ObjectStorage`."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    async def head(self, key: str) -> StoredObject:
        result = await self._get(key, {"head": True})
        found = result.meta
        return StoredObject(
            key=key,
            size=found["size"],
            etag=(found["e_tag"] or "").strip('"'),
            modified_at=found["last_modified"],
            content_type=str(result.attributes.get("Content-Type", "")),
            version=found["version"],
        )

    async def read(self, key: str, *, start: int = 0, end: int | None = None, if_match: str | None = None) -> AsyncIterator[bytes]:
        options: GetOptions = {}
        if (start, end) != (0, None):
            found = await self.head(key)
            end = found.size if end is None else min(end, found.size)
            if if_match not in (None, found.etag):
                raise ObjectChanged(key)
            if start >= end:
                return
            options, if_match = {"range": (start, end)}, found.etag
        if if_match is not None:
            options["if_match"] = f'"{if_match}"'
        result = await self._get(key, options)
        try:
            async for block in result.stream(min_chunk_size=BLOCK):
                yield bytes(block)
        except (BaseError, OSError) as error:
            raise Unavailable("The file storage broke off.", reason=error) from error

    async def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        def listing(api: "Api", **place: Any) -> Awaitable[Any]:
            return api.list_objects_v2(Bucket=self._client.bucket, Prefix=prefix, **place)

        async for page in self._client.pages(listing, {"ContinuationToken": "NextContinuationToken"}):
            for one in page.get("Contents", []):
                if not one["Key"].startswith(prefix):  # SeaweedFS lists `a` for the prefix `a.` in a bucket with versions
                    continue
                yield StoredObject(
                    key=one["Key"], size=one["Size"], etag=one["ETag"].strip('"'), modified_at=one["LastModified"], content_type=""
                )

    async def unfinished(self, prefix: str) -> AsyncIterator[Unfinished]:
        def listing(api: "Api", **place: Any) -> Awaitable[Any]:
            return api.list_multipart_uploads(Bucket=self._client.bucket, Prefix=prefix, **place)

        async for page in self._client.pages(listing, {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"}):
            for one in page.get("Uploads", []):
                yield Unfinished(key=one["Key"], upload=one["UploadId"], started_at=one["Initiated"])

    async def _get(self, key: str, options: "GetOptions") -> "GetResult":
        checked_key(key)
        return await self._client.transfer(lambda store: obstore.get_async(store, key, options=options), key=key)
