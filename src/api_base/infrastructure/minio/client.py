"""Calls of S3: by obstore, which moves the data, and by aiobotocore, which has the whole API (docs/decisions/0029-clients-of-s3.md).

Both clients are created by the first call, and have the same credentials. Neither retries: the policy does.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import obstore.exceptions as obstore_errors
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from obstore.store import S3Store

from api_base.core.errors import NotFound, ObjectChanged, ProgrammingError, Unavailable
from api_base.infrastructure.minio.address import S3Address
from api_base.infrastructure.resilience.patterns import Policy

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential
    from types_aiobotocore_s3.client import S3Client as Api

CONNECTIONS: Final = 100
DEFAULT_REGION: Final = "us-east-1"
_WHOLE_TRANSFER: Final = timedelta(days=1)
"""What obstore limits is the time of a whole download; its parts are limited by the timeout."""
_CHANGED: Final = {"PreconditionFailed", "ConditionalRequestConflict", "InvalidPart", "InvalidPartOrder"}
_MISSING: Final = {"NoSuchKey", "404", "NotFound", "NoSuchUpload"}


class S3Client:
    """Calls the bucket at `address`. `timeout` is in seconds: of one request, or of one part of what it answers. `encryption` is the setting."""

    def __init__(self, address: S3Address, policy: Policy, timeout: float, encryption: str) -> None:
        self.address, self.bucket, self.timeout = address, address.bucket, timeout
        self.encryption = _encryption(encryption)
        self._policy = policy
        self._opening = asyncio.Lock()
        self._resources = AsyncExitStack()
        self._api: dict[str | None, Api] = {}
        self._store: S3Store | None = None
        self._session: AioSession | None = None

    async def call[T](
        self, use: "Callable[[Api], Awaitable[T]]", *, key: str = "", upload: str | None = None, idempotent: bool = True
    ) -> T:
        """Return what `use` returns of aiobotocore. Raises `Unavailable`, and what a refused request means for the object or its upload."""

        async def attempt() -> T:
            try:
                return await use(await self.api())
            except (ClientError, BotoCoreError, HTTPClientError, OSError) as error:
                raise _explained(error, key, upload) from error

        return await self._policy.execute(attempt, idempotent=idempotent)

    async def pages(
        self, use: "Callable[..., Awaitable[Any]]", markers: Mapping[str, str], *, key: str = "", upload: str | None = None
    ) -> AsyncIterator[Any]:
        """Yield the pages of a listing. `use` gets the client and, as arguments, where the next page begins: `markers` maps each argument to the
        member of the page before that holds its value. Raises what `call` raises."""
        place: dict[str, Any] = {}
        while True:
            page = await self.call(partial(use, **place), key=key, upload=upload)
            yield page
            if not page.get("IsTruncated"):
                return
            place = {argument: page[member] for argument, member in markers.items()}

    async def transfer[T](self, use: Callable[[S3Store], Awaitable[T]], *, key: str, idempotent: bool = True) -> T:
        """The same for obstore."""

        async def attempt() -> T:
            try:
                return await use(await self.store())
            except (obstore_errors.BaseError, OSError) as error:
                raise _explained(error, key, None) from error

        return await self._policy.execute(attempt, idempotent=idempotent)

    async def api(self, endpoint: str | None = None) -> "Api":
        """Return the client of aiobotocore, for `endpoint` instead of the address's."""
        async with self._opening:
            if endpoint not in self._api:
                address, session = self.address, self._sessions()
                self._api[endpoint] = await self._resources.enter_async_context(
                    session.create_client(
                        "s3",
                        region_name=self._region(),
                        endpoint_url=endpoint or address.endpoint,
                        aws_access_key_id=address.key,
                        aws_secret_access_key=address.secret,
                        config=AioConfig(
                            signature_version="s3v4",
                            s3={"addressing_style": "path", "payload_signing_enabled": False},
                            request_checksum_calculation="when_required",
                            response_checksum_validation="when_required",
                            connect_timeout=self.timeout,
                            read_timeout=self.timeout,
                            retries={"mode": "standard", "total_max_attempts": 1},
                            max_pool_connections=CONNECTIONS,
                        ),
                    )
                )
            return self._api[endpoint]

    async def store(self) -> S3Store:
        """Return the client of obstore."""
        if self._store is None:
            config: S3Config = {"checksum_algorithm": "SHA256", "region": self._region(), "virtual_hosted_style_request": False}
            if self.address.endpoint is not None:
                config["endpoint"] = self.address.endpoint
            if kind := self.encryption.get("ServerSideEncryption"):
                config["server_side_encryption"] = kind
            if key := self.encryption.get("SSEKMSKeyId"):
                config["sse_kms_key_id"] = key
            self._store = S3Store(
                self.bucket,
                config=config,
                client_options={
                    "allow_http": True,  # production refuses such an endpoint
                    "connect_timeout": timedelta(seconds=self.timeout),
                    "read_timeout": timedelta(seconds=self.timeout),
                    "timeout": _WHOLE_TRANSFER,
                },
                retry_config={"max_retries": 0},
                credential_provider=self._credentials,
            )
        return self._store

    async def close(self) -> None:
        """Close the connections; the next call opens others."""
        async with self._opening:
            self._api.clear()
            self._store = None
            await self._resources.aclose()
            self._resources = AsyncExitStack()

    def _sessions(self) -> AioSession:
        if self._session is None:
            self._session = get_session()
        return self._session

    def _region(self) -> str:
        found: str | None = self._sessions().get_config_variable("region")
        return self.address.region or found or DEFAULT_REGION

    async def _credentials(self) -> "S3Credential":
        """Return the credentials for obstore, which calls it again when they have expired."""
        address = self.address
        if address.key is not None and address.secret is not None:
            return {"access_key_id": address.key, "secret_access_key": address.secret, "expires_at": None}
        found = await self._sessions().get_credentials()
        frozen = None if found is None else await found.get_frozen_credentials()
        if frozen is None or frozen.access_key is None or frozen.secret_key is None:
            raise Unavailable(
                "The file storage cannot be used.", reason="No credentials: write them into STORAGE__URL, or set AWS_ACCESS_KEY_ID."
            )
        expires_at: datetime | None = getattr(found, "_expiry_time", None)
        return {"access_key_id": frozen.access_key, "secret_access_key": frozen.secret_key, "token": frozen.token, "expires_at": expires_at}


def _explained(error: Exception, key: str, upload: str | None) -> Exception:
    """Return what an error means for an object or one of its uploads. Only `Unavailable` counts against S3, and is retried."""
    code = _code(error) if isinstance(error, ClientError) else ""
    if code == "NoSuchUpload" or (upload is not None and code in _MISSING):
        return NotFound("upload", upload)
    if code in _MISSING or isinstance(error, FileNotFoundError):  # obstore's `NotFoundError` is one
        return NotFound("object", key)
    if code in _CHANGED or isinstance(error, obstore_errors.PreconditionError | obstore_errors.AlreadyExistsError):
        return ObjectChanged(key)
    if code == "EntityTooSmall":
        return ProgrammingError("A part of the upload, not the last one, is smaller than `minimum_part`.")
    return Unavailable("The file storage cannot be used.", reason=error)


def _code(error: ClientError) -> str:
    return str(error.response["Error"].get("Code", ""))


def _encryption(setting: str) -> dict[str, Any]:
    """Return the arguments of S3's operations that store something."""
    kind, _, key = setting.partition(":")
    if kind == "sse-s3":
        return {"ServerSideEncryption": "AES256"}
    if kind == "sse-kms":
        return {"ServerSideEncryption": "aws:kms", **({"SSEKMSKeyId": key} if key else {})}
    return {}
