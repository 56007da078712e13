"""Search."""

from pydantic import Field, SecretStr

from api_base.core.config.values import Prefix, Section, ServiceUrl


class SearchSettings(Section):
    """Variables `SEARCH__…`."""

    url: ServiceUrl = SecretStr("database://")
    """What `/search` searches: `database://`, a table of PostgreSQL. Lists search their own table by `q`, whatever this is."""
    prefix: Prefix = "api-base"
    """Prefix of the application's indexes in a search server. No two applications may share one."""
    candidates: int = Field(1000, ge=100, le=10_000)
    """Documents that one search collects and ranks at most, in each index. Beyond it, counts are lower bounds."""
