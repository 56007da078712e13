"""The versions of the API."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import Field

from api_base.core.config.values import Section


class VersionSettings(Section):
    """Variables `VERSIONS__…`."""

    strategy: Literal["path", "header", "media_type", "query"] = "path"
    """How a request names the version: `/api/v2/…`, or, all below `/api`, `API-Version: 2`, `Accept: application/json; version=2`, or
    `?api_version=2`. A request that then names none is for the oldest version."""
    oldest: int = Field(1, ge=1, le=1000)
    """The oldest version that is served."""
    sunsets: Mapping[int, date] = Field(default_factory=dict)
    """The days from which what changed since a version is gone, such as `{"1": "2029-01-31"}`: its deprecated routes then answer `410`."""
