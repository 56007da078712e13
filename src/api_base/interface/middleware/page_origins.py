"""Which web pages may use what no preflight of CORS guards: WebSockets [RFC 6455, section 10.2], cookies, and a server on the own machine."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

type _Origin = tuple[str, str, int | None]
"""Scheme, host, port [RFC 6454, section 4]."""
_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class PageOrigins:
    """`allowed` are origins, or `*` for any. `public_url` is the URL under which clients reach the server; None if only they know it."""

    def __init__(self, allowed: Iterable[str], public_url: str | None) -> None:
        own, allowed = None if public_url is None else _parsed("://".join(urlsplit(public_url)[:2])), tuple(allowed)
        self._own, self._any = own, "*" in allowed
        self._allowed = {own, *map(_parsed, allowed)} - {None}

    def allow(self, origin: str, host: str | None) -> bool:
        """Whether pages of an origin may use a server that the browser reached as `host`, the header of that name; None for no other.

        A page of the same host and port may: behind a proxy the schemes differ. But a page over plain HTTP is not that of a public URL with TLS.
        """
        page = _parsed(origin)
        if self._any or page is None:
            return self._any
        if page in self._allowed:
            return True
        if self._own is not None and page[1] == self._own[1] and page[0] != self._own[0]:
            return False
        asked = None if not host else _parsed(f"{page[0]}://{host}")
        return asked is not None and page[1:] == asked[1:]


def _parsed(text: str) -> _Origin | None:
    """Return an origin; None for any other text, such as `null` or a URL with a path."""
    text = text.lower()
    try:
        parts = urlsplit(text)
        if not parts.hostname or "@" in parts.netloc or text != f"{parts.scheme}://{parts.netloc}":
            return None
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
