"""The URLs of a server's roles."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """PostgreSQL URLs: `owner` migrates, `app` serves requests, `worker` runs background work. `direct` is `app` without a pooler."""

    owner: str
    app: str
    worker: str
    direct: str
