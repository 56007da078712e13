"""Choice of an adapter by URL scheme: one variable moves one service, nothing else changes."""

from collections.abc import Collection
from urllib.parse import urlsplit

from api_base.core.errors import ConfigurationError


def scheme_of(url: str, variable: str, known: Collection[str]) -> str:
    """The scheme of `url`, as the key of an adapter. Raises `ConfigurationError` naming `variable` and what is known.

    >>> scheme_of("memory://", "RATE_LIMIT__URL", ["memory"])
    'memory'
    """
    scheme = urlsplit(url).scheme
    if scheme not in known:
        raise ConfigurationError(f"{variable}: no adapter for {scheme!r}; known are {', '.join(sorted(known))}")
    return scheme
