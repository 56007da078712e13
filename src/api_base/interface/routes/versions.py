"""Versions of the API: what a route is named by in all of them."""

from dataclasses import dataclass
from datetime import date
from typing import Final

VERSION: Final = "/{version}"
"""The segment of a path that is `/v1`, `/v2` and so on. A prefix may end with it."""
API: Final = f"/api{VERSION}"
"""The prefix of what has versions."""


OLDER_ROUTE: Final = "api_base_older_route"
"""The attribute of a function whose route differs between versions by more than its types (interface/versioning/versions.py)."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the API. What it changed is deprecated in older versions from the day on that it was `released`."""

    number: int
    released: date


def route_name(method: str, template: str, version: int | None) -> str:
    """Return the name of a route that it has in all versions of the API, by which limits and idempotency keys know it. HEAD and QUERY are GET."""
    path = template if version is None else template.replace(f"/v{version}/", "/", 1)
    return f"{'GET' if method in ('HEAD', 'QUERY') else method} {path}"
