"""Feature flags for tests."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from api_base.domain.flags.entities import FeatureFlag
from api_base.domain.flags.settings import parse_settings

NOW: Final = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)


def flag_definition(key: str, **members: Any) -> dict[str, Any]:
    """The document of a boolean flag that is off for everybody, with other `members`."""
    variants = {"on": True, "off": False}
    return {"key": key, "type": "boolean", "variants": variants, "default_variant": "off", "off_variant": "off", **members}


def feature_flag(key: str = "new-checkout", *, version: int = 1, definition: dict[str, Any] | None = None, **settings: Any) -> FeatureFlag:
    """A flag as it was loaded; `definition` are further members of its definition."""
    parsed = parse_settings({"definition": flag_definition(key, **(definition or {})), **settings})
    flag = FeatureFlag.create(id=uuid4(), settings=parsed, now=NOW)
    flag.version = version
    return flag
