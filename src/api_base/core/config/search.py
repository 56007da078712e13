"""Search."""

from typing import Literal

from pydantic import Field, SecretStr

from api_base.core.config.values import Prefix, Section, ServiceUrl


class SearchSettings(Section):
    """Variables `SEARCH__…`."""

    url: ServiceUrl = SecretStr("database://")
    """What `/search` searches: `database://`, a table of PostgreSQL, or a server: `elasticsearch+http://user:password@host:port`,
    `opensearch+http://…`, with `…+https://` for TLS; `?ca=/path/ca.pem` replaces the system's certificate authorities; write / ? # @ : in user
    and password as %2F %3F %23 %40 %3A. Lists search their own table by `q`, whatever this is."""
    prefix: Prefix = "api-base"
    """Prefix of the application's indexes in a search server. No two applications may share one."""
    timeout_seconds: float = Field(0.8, gt=0, le=10)
    """Seconds that a search in a search server may take. Then `/search` answers with status 503, or by `fallback`."""
    fallback: Literal["database"] | None = None
    """`database` fills the table of PostgreSQL as well, and searches it while the search server cannot be used."""
    candidates: int = Field(1000, ge=100, le=10_000)
    """Documents that one search collects and ranks at most, in each index. Beyond it, counts are lower bounds."""
