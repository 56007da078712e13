"""The adapter of `STORAGE__URL=s3://…`."""

from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter
from api_base.infrastructure.minio.address import FORM, S3Address

if TYPE_CHECKING:
    from api_base.core.protocols import ObjectStorage
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _s3(ports: "AdapterPorts") -> "ObjectStorage":
    from api_base.infrastructure.minio.client import S3Client
    from api_base.infrastructure.minio.storage import S3Storage

    settings = ports.settings
    address = S3Address.parse(settings.storage.url.get_secret_value())
    client = S3Client(address, ports.policy("storage"), settings.resilience.timeout_seconds, settings.storage.encryption)
    return S3Storage(client, ports.clock, settings.storage.public_url)


def _validate(url: str) -> None:
    S3Address.parse(url)


S3: Final = Adapter(build=_s3, url=FORM, summary="A bucket of S3, MinIO or another compatible server.", validate=_validate, extra="s3")
