"""No scanner, which is the default: every content has the verdict that nobody looked at it."""

from collections.abc import AsyncIterable

from api_base.core.protocols import Scanner, ScannerVersion, ScanResult, ScanVerdict

_NONE = ScannerVersion(engine="", signatures="")


class NoScanner(Scanner):
    async def scan(self, content: AsyncIterable[bytes]) -> ScanResult:
        """Answer NOT_SCANNED, and read nothing."""
        del content
        return ScanResult(verdict=ScanVerdict.NOT_SCANNED, version=_NONE)

    async def version(self) -> ScannerVersion:
        """Answer the empty version."""
        return _NONE
