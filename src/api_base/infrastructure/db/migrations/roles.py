"""The roles that revisions grant privileges to. The URLs name those that connect; a setting names the owner of search functions."""

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from api_base.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Names of PostgreSQL roles, unquoted.

    `search` cannot log in: it owns the functions for text search and may read the columns that they read.
    """

    app: str
    worker: str
    search: str


def user_of(dsn: str) -> str:
    """Return the role that `dsn` connects as.

    Raises `ConfigurationError` for a URL without a user: grants must not depend on the operating system's user.
    """
    parts = urlsplit(dsn)
    user = unquote(parts.username) if parts.username else parse_qs(parts.query).get("user", [""])[0]
    if not user:
        raise ConfigurationError("A database URL names no user. Write it as postgresql://user:password@host/database.")
    return user
