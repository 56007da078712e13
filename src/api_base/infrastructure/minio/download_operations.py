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
    from obstore.store import S3Store
    from types_aiobotocore_s3.client import S3Client as Api

_OUTSIDE: Final = "416 Range Not Satisfiable"
BLOCK: Final = 262_144
"""Bytes that are read at a time, at least."""


class DownloadOperations:
    """The reading methods of `ObjectStorage`."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    async def head(self, key: str) -> StoredObject:
        result = await self._get(key, {"head": True})
        assert result is not None  # no range
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
        options: GetOptions = {} if if_match is None else {"if_match": f'"{if_match}"'}
        if end is not None and start >= end:
            if if_match not in (None, (await self.head(key)).etag):
                raise ObjectChanged(key)
            return
        if end is not None:
            options["range"] = (start, end)
        elif start > 0:
            options["range"] = {"offset": start}
        result = await self._get(key, options)
        if result is None:
            return
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

    async def _get(self, key: str, options: "GetOptions") -> "GetResult | None":
        """Return None for a range that begins after the last byte."""
        checked_key(key)

        async def get(store: "S3Store") -> "GetResult | None":
            try:
                return await obstore.get_async(store, key, options=options)
            except BaseError as error:
                if "range" in options and _OUTSIDE in str(error):
                    return None
                raise

        return await self._client.transfer(get, key=key)
