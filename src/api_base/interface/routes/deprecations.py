"""What a deprecated route says in its responses [RFC 9745, 8594, 8288], and after its end."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from time import time
from typing import Final

from api_base.interface.errors.http import Gone
from api_base.interface.public_url import public_prefix
from api_base.interface.routes.router import Deprecation

type Header = tuple[bytes, bytes]


class Deprecated:
    """The deprecation of one route. `values` are those of the path of a request, as they are written there."""

    def __init__(self, declared: Deprecation) -> None:
        self._declared: Final = declared
        self._dates = [(b"deprecation", b"@%d" % declared.since)]
        if declared.sunset is not None:
            self._dates.append((b"sunset", formatdate(declared.sunset, usegmt=True).encode()))

    def headers(self, values: Mapping[str, str]) -> list[Header]:
        """Return the headers of each response."""
        successor = self._successor(values)
        return self._dates if successor is None else [*self._dates, (b"link", f'<{successor}>; rel="successor-version"'.encode())]

    def check(self, values: Mapping[str, str]) -> None:
        """Raises `Gone` after the sunset."""
        sunset = self._declared.sunset
        if sunset is not None and time() >= sunset:
            ended, successor = datetime.fromtimestamp(sunset, UTC).date(), self._successor(values)
            advice = "The documentation of the API says what replaces it." if successor is None else f"Use {successor} instead."
            raise Gone(f"The route ended on {ended}. {advice}", self.headers(values))

    def _successor(self, values: Mapping[str, str]) -> str | None:
        path = self._declared.successor
        return None if path is None else public_prefix.get() + path.format_map(values)
