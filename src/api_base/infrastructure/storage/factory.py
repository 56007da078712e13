"""The adapters of `STORAGE__URL`."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from api_base.core.di import Adapter, check_url

if TYPE_CHECKING:
    from api_base.core.protocols import ObjectStorage
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _local(ports: "AdapterPorts") -> "ObjectStorage":
    from api_base.infrastructure.storage.local_storage import LocalStorage
    from api_base.infrastructure.storage.signed_urls import SignedUrls

    settings = ports.settings
    path = unquote(urlsplit(settings.storage.url.get_secret_value()).path)
    root = Path(path) if path else settings.database.data_dir / "storage"
    urls = SignedUrls(ports.storage_keys, settings.storage.public_url or settings.public_url)
    return LocalStorage(root.absolute(), ports.clock, urls)


def _validate(url: str) -> None:
    check_url(url, "file:// or file:///absolute/directory", lambda parts: not (parts.netloc or parts.query) and parts.path != "/")


LOCAL: Final = Adapter(
    build=_local,
    url="file:///directory",
    summary="A directory, for the processes of one machine. `file://` is `DATABASE__DATA_DIR/storage`.",
    validate=_validate,
)
