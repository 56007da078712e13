"""The adapters of `SCANNER__URL`."""

from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter, check_url

if TYPE_CHECKING:
    from api_base.core.protocols import Scanner
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _none(ports: "AdapterPorts") -> "Scanner":
    del ports
    from api_base.infrastructure.scanner.none import NoScanner

    return NoScanner()


def _clamav(ports: "AdapterPorts") -> "Scanner":
    from api_base.infrastructure.scanner.clamav import ClamavScanner, ClamdAddress

    scanner = ports.settings.scanner
    return ClamavScanner(
        ports.policy("scanner"), ClamdAddress.parse(scanner.url.get_secret_value()), scanner.max_bytes, scanner.timeout_seconds
    )


def _validate(url: str) -> None:
    check_url(
        url,
        "clamav://host:port or clamav:///path/of/the/socket",
        lambda parts: bool(parts.hostname) != bool(parts.path.strip("/")) and not parts.query and "@" not in parts.netloc,
    )


NONE: Final = Adapter(
    build=_none,
    url="none://",
    summary="Scans nothing: files are not searched for malware.",
    notice="files are not searched for malware; SCANNER__URL selects a scanner",
)
CLAMAV: Final = Adapter(
    build=_clamav,
    url="clamav://host:3310",
    summary="The daemon of ClamAV. `clamav:///run/clamav/clamd.ctl` is its Unix socket; TCP is not encrypted.",
    validate=_validate,
)
