"""Where a server's three roles connect."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """PostgreSQL URLs: `owner` migrates, `app` serves requests, `worker` runs the background. `direct` is `app` around any pooler."""

    owner: str
    app: str
    worker: str
    direct: str
